# A device that answers every line with 10 MB.
printf 'admin@DUT0$ '
while read -r line; do
    yes 'set system certificate scep csr CSR url http://10.215.168.1/and/so/on' | head -c 10485760
    printf '\r\nadmin@DUT0$ '
done
