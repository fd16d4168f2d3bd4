{{ tap_yonyou.stage('saleorder') }}
