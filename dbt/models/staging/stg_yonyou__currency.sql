{{ stage('currency') }}
