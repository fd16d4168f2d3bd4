{{ tap_yonyou.stage('currentstock') }}
