{{ tap_yonyou.stage('vendorclass') }}
