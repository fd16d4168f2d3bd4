{{ tap_yonyou.stage('saleinvoice_entry') }}
