{{ stage('inventoryclass') }}
