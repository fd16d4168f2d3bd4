{{ stage('pay') }}
