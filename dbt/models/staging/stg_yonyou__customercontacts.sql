{{ tap_yonyou.stage('customercontacts') }}
