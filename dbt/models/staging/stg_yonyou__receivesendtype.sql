{{ tap_yonyou.stage('receivesendtype') }}
