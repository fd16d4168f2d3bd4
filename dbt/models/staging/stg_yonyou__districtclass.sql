{{ tap_yonyou.stage('districtclass') }}
