{{ tap_yonyou.stage('pay_entry') }}
