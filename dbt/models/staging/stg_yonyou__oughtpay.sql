{{ tap_yonyou.stage('oughtpay') }}
