{{ tap_yonyou.stage('consignment_entry') }}
