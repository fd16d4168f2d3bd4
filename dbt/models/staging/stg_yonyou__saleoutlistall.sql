{{ tap_yonyou.stage('saleoutlistall') }}
