{{ tap_yonyou.stage('saleorder_entry') }}
