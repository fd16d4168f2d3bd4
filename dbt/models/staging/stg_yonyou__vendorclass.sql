{{ stage('vendorclass') }}
