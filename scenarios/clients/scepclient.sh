#!/bin/sh
# One enrolment with micromdm's `scepclient`:
#   scepclient.sh URL CHALLENGE DIR
# It makes its key itself. A certificate that is in DIR already is renewed, with the same key, for it knows one key.
set -eu
url=$1 challenge=$2 dir=$3

# It would take what an earlier run left in place of a new request.
rm -f "$dir/csr.pem" "$dir/self.pem"
exec scepclient -server-url "$url" -challenge "$challenge" \
    -private-key "$dir/key.pem" -certificate "$dir/cert.pem" \
    -cn client -organization Example -country "" -ou ""
