{{ stage('accept') }}
