{{ stage('returnorder') }}
