{{ tap_yonyou.stage('customer') }}
