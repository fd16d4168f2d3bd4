{{ stage('purchaserequisition_entry') }}
