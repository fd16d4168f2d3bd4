{{ tap_yonyou.stage('voucherdetails') }}
