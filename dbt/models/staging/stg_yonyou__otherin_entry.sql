{{ stage('otherin_entry') }}
