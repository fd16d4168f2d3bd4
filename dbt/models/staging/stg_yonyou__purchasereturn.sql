{{ stage('purchasereturn') }}
