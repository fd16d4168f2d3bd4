{{ stage('batchproperty') }}
