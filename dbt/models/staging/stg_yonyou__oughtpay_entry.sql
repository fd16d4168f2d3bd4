{{ tap_yonyou.stage('oughtpay_entry') }}
