{{ stage('pay_entry') }}
