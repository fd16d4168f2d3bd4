{{ stage('oughtreceive') }}
