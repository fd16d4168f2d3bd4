{{ stage('consignment') }}
