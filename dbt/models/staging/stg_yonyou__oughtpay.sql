{{ stage('oughtpay') }}
