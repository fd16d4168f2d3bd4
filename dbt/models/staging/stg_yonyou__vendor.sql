{{ stage('vendor') }}
