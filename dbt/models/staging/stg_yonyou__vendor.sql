{{ tap_yonyou.stage('vendor') }}
