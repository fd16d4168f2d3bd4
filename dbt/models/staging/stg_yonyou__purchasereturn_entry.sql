{{ stage('purchasereturn_entry') }}
