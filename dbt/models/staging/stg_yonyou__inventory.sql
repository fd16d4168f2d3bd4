{{ stage('inventory') }}
