{{ stage('saleorder') }}
