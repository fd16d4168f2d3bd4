{{ tap_yonyou.stage('returnorder_entry') }}
