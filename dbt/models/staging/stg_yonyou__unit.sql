{{ stage('unit') }}
