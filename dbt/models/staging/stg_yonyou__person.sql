{{ tap_yonyou.stage('person') }}
