{{ tap_yonyou.stage('otherout') }}
