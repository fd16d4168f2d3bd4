{{ stage('bom') }}
