{{ tap_yonyou.stage('otherin_entry') }}
