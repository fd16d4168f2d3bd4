{{ stage('otherout_entry') }}
