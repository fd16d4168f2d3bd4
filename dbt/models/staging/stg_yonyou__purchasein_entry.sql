{{ stage('purchasein_entry') }}
