{{ tap_yonyou.stage('customeraddress') }}
