{{ stage('oughtpay_entry') }}
