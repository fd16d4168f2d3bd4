{{ tap_yonyou.stage('bom') }}
