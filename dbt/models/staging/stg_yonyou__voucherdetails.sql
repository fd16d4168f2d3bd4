{{ stage('voucherdetails') }}
