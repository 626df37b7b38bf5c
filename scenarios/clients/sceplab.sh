#!/bin/sh
# One enrolment with sceplab's own client:
#   sceplab.sh SCEPLAB URL CHALLENGE DIR CA
# If DIR has a certificate, it is renewed.
set -eu
sceplab=$1 url=$2 challenge=$3 dir=$4 ca=$5

if [ -s "$dir/cert.pem" ]; then
    set -- --renew
else
    set -- --challenge "$challenge"
fi
exec "$sceplab" enrol "$url" --out "$dir" --ca "$ca" "$@"
