{{ tap_yonyou.stage('warehouse') }}
