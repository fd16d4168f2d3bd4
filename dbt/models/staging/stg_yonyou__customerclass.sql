{{ tap_yonyou.stage('customerclass') }}
