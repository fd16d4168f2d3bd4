{{ stage('saleinvoice') }}
