{{ tap_yonyou.stage('consignment') }}
