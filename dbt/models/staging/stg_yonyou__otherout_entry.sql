{{ tap_yonyou.stage('otherout_entry') }}
