{{ tap_yonyou.stage('oughtreceive_entry') }}
