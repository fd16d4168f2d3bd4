{{ tap_yonyou.stage('inventory') }}
