{{ stage('customeraddress') }}
