{{ stage('bom_entry') }}
