{{ tap_yonyou.stage('purchasereceipt') }}
