{{ tap_yonyou.stage('returnorder') }}
