{{ tap_yonyou.stage('purchasein') }}
