{{ stage('person') }}
