{{ tap_yonyou.stage('accept') }}
