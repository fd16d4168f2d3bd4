{{ stage('saleorder_entry') }}
