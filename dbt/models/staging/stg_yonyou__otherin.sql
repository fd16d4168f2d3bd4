{{ tap_yonyou.stage('otherin') }}
