{{ stage('currentstock') }}
