#!/bin/sh
# One enrolment with strongSwan's `pki`, which needs two calls and files in between:
#   strongswan.sh URL CHALLENGE DIR CA
# If DIR has a certificate, it is renewed, unless it has expired.
set -eu
url=$1 challenge=$2 dir=$3 known=$4

fingerprint() { openssl x509 -in "$1" -noout -fingerprint -sha256; }
usage() { openssl x509 -in "$1" -noout -ext keyUsage 2>/dev/null || true; }

cd "$dir"
rm -f ca*.pem ra*.pem
pki --scepca --url "$url" --caout ca.pem --raout ra.pem --outform pem --force

# `pki` shows fingerprints for a person to compare; here they are compared with that of the known certificate.
ca=
for one in ca*.pem; do
    [ "$(fingerprint "$one")" = "$(fingerprint "$known")" ] && ca=$one
done
[ -n "$ca" ] || { echo "the CA is not the known one" >&2; exit 1; }

# The key usages of the RA certificates say what they are for; a CA without an RA has one certificate for both.
encryption=$ca signature=$ca
for one in ra*.pem; do
    [ -e "$one" ] || continue
    case $(usage "$one") in *"Key Encipherment"*) encryption=$one ;; esac
    case $(usage "$one") in *"Digital Signature"*) signature=$one ;; esac
done

if [ -s cert.pem ] && openssl x509 -in cert.pem -noout -checkend 0 >/dev/null; then
    mv key.pem old-key.pem
    mv cert.pem old-cert.pem
    set -- --cert old-cert.pem --key old-key.pem
else
    set -- --password "$challenge"
fi
pki --gen --type rsa --size 2048 --outform pem >key.pem
pki --scep --url "$url" --in key.pem --dn "O=Example, CN=client" "$@" \
    --cacert-enc "$encryption" --cacert-sig "$signature" --cacert "$ca" \
    --interval 1 --maxpolltime 15 --outform pem >cert.pem
