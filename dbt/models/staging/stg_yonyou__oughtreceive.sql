{{ tap_yonyou.stage('oughtreceive') }}
