{{ tap_yonyou.stage('tap_yonyou_reads') }}
