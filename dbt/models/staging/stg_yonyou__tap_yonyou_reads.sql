{{ stage('tap_yonyou_reads') }}
