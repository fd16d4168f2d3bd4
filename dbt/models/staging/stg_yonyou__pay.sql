{{ tap_yonyou.stage('pay') }}
