{{ stage('returnorder_entry') }}
