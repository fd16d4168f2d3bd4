{{ stage('customerclass') }}
