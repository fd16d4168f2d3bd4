{{ tap_yonyou.stage('purchasein_entry') }}
