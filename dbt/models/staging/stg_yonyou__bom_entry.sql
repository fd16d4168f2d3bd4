{{ tap_yonyou.stage('bom_entry') }}
