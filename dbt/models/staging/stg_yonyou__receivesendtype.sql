{{ stage('receivesendtype') }}
