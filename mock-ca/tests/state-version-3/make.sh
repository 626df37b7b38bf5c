#!/bin/sh
# The state that the program made while its databases had version 3. It needs that program, `curl`, and the `iterdump` of Python's sqlite3.
set -e
url=http://127.0.0.1:8082/cgi-bin/pkiclient.exe
sceplab serve rfc8894 --state st --challenge ONCE --challenge TWICE --challenge THRICE --control 127.0.0.1:8190 &
sleep 3
sceplab enrol $url --subject CN=r1 --challenge ONCE
sceplab enrol $url --subject CN=r2 --challenge TWICE
curl -s -H 'Content-Type: application/json' -d '{"serial": "01"}' http://127.0.0.1:8190/revoke
kill $!; wait $! || true
sceplab serve rfc8894 --state st --approval manual --challenge THRICE &
sleep 3
sceplab enrol $url --subject CN=r3 --challenge THRICE --poll-within 1 || true
kill $!; wait $! || true
python3 -c "import sqlite3; print('\n'.join(sqlite3.connect('st/state.db').iterdump()))" > state.sql
cp st/*.key st/*.pem st/next-number .
