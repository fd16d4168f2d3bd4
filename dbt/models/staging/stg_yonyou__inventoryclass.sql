{{ tap_yonyou.stage('inventoryclass') }}
