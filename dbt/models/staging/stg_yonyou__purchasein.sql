{{ stage('purchasein') }}
