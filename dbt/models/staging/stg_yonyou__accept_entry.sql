{{ stage('accept_entry') }}
