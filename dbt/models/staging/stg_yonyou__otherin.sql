{{ stage('otherin') }}
