{{ stage('purchaserequisition') }}
