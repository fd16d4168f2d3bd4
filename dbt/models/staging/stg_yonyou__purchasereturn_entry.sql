{{ tap_yonyou.stage('purchasereturn_entry') }}
