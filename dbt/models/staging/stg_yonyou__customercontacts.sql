{{ stage('customercontacts') }}
