{{ stage('oughtreceive_entry') }}
