{{ stage('districtclass') }}
