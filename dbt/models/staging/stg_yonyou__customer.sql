{{ stage('customer') }}
