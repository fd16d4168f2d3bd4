{{ stage('purchaseorder') }}
