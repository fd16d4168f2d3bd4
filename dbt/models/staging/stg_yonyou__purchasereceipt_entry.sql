{{ stage('purchasereceipt_entry') }}
