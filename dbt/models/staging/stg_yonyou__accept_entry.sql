{{ tap_yonyou.stage('accept_entry') }}
