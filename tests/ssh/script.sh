# A minimal command line of a device. Its state is in files, so that it outlives a session.
cd '{dir}' || exit 1
touch running
mode='$'
prompt() { printf 'admin@osdx%s ' "$mode"; }

change() { # VERB PATH
  [ "$1" = set ] && { grep -qxF "set $2" candidate || echo "set $2" >> candidate; return; }
  awk -v path="set $2" '$0 != path && index($0, path " ") != 1' candidate > candidate.new
  mv candidate.new candidate
}

operational() {
  case "$1" in
    '') ;;
    'show running') printf '# A device version 1\n'; cat running ;;
    configure) cp running candidate; mode='#'; echo '[edit]' ;;
    exit) exit 0 ;;
    *) echo "Invalid command: [$1]" ;;
  esac
}

configuration() {
  case "$1" in
    '') echo '[edit]' ;;
    set\ *) change set "${1#set }" ;;
    delete\ *) change delete "${1#delete }" ;;
    commit) sort candidate > running; echo "$1" >> commits ;;
    exit*) mode='$' ;;
    *) echo "Invalid command: [$1]" ;;
  esac
}

special() { return 1; }
# SPECIAL

printf 'Welcome to a device\r\n\r\n'
prompt
while IFS= read -r line; do
  echo "$line" >> typed
  special "$line" || case "$mode" in
    '$') operational "$line" ;;
    *) configuration "$line" ;;
  esac
  prompt
done
