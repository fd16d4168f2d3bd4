{{ tap_yonyou.stage('saleinvoice') }}
