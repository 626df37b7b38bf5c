#!/bin/sh
# One enrolment with micromdm's `scepclient`:
#   scepclient.sh URL CHALLENGE DIR
# scepclient makes its key. If DIR has a certificate, it is renewed with the same key, because scepclient uses only one.
set -eu
url=$1 challenge=$2 dir=$3

# scepclient would reuse the files of an earlier run instead of making a new request.
rm -f "$dir/csr.pem" "$dir/self.pem"
exec scepclient -server-url "$url" -challenge "$challenge" \
    -private-key "$dir/key.pem" -certificate "$dir/cert.pem" \
    -cn client -organization Example -country "" -ou ""
