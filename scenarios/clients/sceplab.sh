#!/bin/sh
# One enrolment with sceplab's own client:
#   sceplab.sh SCEPLAB URL CHALLENGE DIR CA
# If DIR has a certificate, it is renewed, unless it has expired.
set -eu
sceplab=$1 url=$2 challenge=$3 dir=$4 ca=$5

expired() { command -v openssl >/dev/null && ! openssl x509 -in "$1" -noout -checkend 0 >/dev/null; }

if [ -s "$dir/cert.pem" ] && expired "$dir/cert.pem"; then
    rm "$dir/cert.pem" "$dir/key.pem"
fi
if [ -s "$dir/cert.pem" ]; then
    set -- --renew
else
    set -- --challenge "$challenge"
fi
exec "$sceplab" enrol "$url" --out "$dir" --ca "$ca" "$@"
