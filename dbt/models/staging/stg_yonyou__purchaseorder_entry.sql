{{ stage('purchaseorder_entry') }}
