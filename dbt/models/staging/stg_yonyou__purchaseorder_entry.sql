{{ tap_yonyou.stage('purchaseorder_entry') }}
