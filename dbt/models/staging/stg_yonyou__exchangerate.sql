{{ stage('exchangerate') }}
