{{ stage('consignment_entry') }}
