{{ tap_yonyou.stage('purchasereturn') }}
