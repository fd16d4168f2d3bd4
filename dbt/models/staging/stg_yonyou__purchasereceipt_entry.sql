{{ tap_yonyou.stage('purchasereceipt_entry') }}
