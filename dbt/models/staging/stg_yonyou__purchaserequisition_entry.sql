{{ tap_yonyou.stage('purchaserequisition_entry') }}
