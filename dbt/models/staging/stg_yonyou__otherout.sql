{{ stage('otherout') }}
