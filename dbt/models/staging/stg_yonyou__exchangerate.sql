{{ tap_yonyou.stage('exchangerate') }}
