{{ stage('purchasereceipt') }}
