{{ stage('saleinvoice_entry') }}
