{{ tap_yonyou.stage('purchaserequisition') }}
