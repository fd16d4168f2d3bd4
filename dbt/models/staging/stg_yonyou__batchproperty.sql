{{ tap_yonyou.stage('batchproperty') }}
