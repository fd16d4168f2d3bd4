{{ tap_yonyou.stage('unit') }}
