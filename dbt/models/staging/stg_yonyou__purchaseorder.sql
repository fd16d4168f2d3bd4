{{ tap_yonyou.stage('purchaseorder') }}
