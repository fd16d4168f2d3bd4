{{ stage('saleoutlistall') }}
