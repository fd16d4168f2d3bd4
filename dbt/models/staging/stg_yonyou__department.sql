{{ tap_yonyou.stage('department') }}
