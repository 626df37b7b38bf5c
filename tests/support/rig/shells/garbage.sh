# A device that first clears the screen, rings the bell, sets the title, and sends bytes that are not UTF-8.
printf '\033[2J\033[1;1H\007\033]0;title\007\000\001\b\b \b\r\377\376\033[31mWelcome\033[0m\r\n'
"$SCEPLAB" dut --attach "$SOCKET" "$@"
ended=$?
printf '\033[0m\007\000'
exit "$ended"
