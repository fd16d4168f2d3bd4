{{ tap_yonyou.stage('currency') }}
