{{ stage('warehouse') }}
