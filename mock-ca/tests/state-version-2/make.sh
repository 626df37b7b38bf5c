# Makes this folder with a version of 2026-11 (`031c087f`), in which a state is a folder of files: two certificates, one of them
# revoked, a request that waits, one that was denied, and five challenge passwords, of which four are used.
S=${S:-sceplab}
B=/certsrv/mscep/mscep.dll
$S serve ndes --state st --challenge FIRST --challenge SECOND --challenge THIRD --challenge FOURTH --listen 127.0.0.1:19401 --control 127.0.0.1:19402 --log log & P=$!
sleep 2
for n in FIRST SECOND; do $S enrol http://127.0.0.1:19401$B --challenge $n --subject CN=$n; done
SERIAL=$(curl -s http://127.0.0.1:19402/issued | python3 -c 'import json,sys; print(json.load(sys.stdin)[1]["serial"])')
curl -s -H 'Content-Type: application/json' -d "{\"serial\": \"$SERIAL\"}" http://127.0.0.1:19402/revoke
curl -s http://127.0.0.1:19401/certsrv/mscep_admin/ >/dev/null
kill $P; wait $P
$S serve ndes --state st --approval manual --listen 127.0.0.1:19401 --control 127.0.0.1:19402 --log log </dev/null & P=$!
sleep 2
for n in THIRD FOURTH; do $S enrol http://127.0.0.1:19401$B --challenge $n --subject CN=$n --poll-within 1; done
ID=$(curl -s http://127.0.0.1:19402/pending | python3 -c 'import json,sys; print(json.load(sys.stdin)[1]["transaction_id"])')
curl -s -H 'Content-Type: application/json' -d "{\"transaction_id\": \"$ID\"}" http://127.0.0.1:19402/deny
kill $P; wait $P
