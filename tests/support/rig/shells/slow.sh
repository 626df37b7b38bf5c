# The device behind a serial line of some hundred characters per second.
stty raw -echo 2>/dev/null
script -qec "'$SCEPLAB' dut --attach '$SOCKET'" /dev/null |
    perl -e '$| = 1; while (sysread STDIN, $c, 1) { print $c; select undef, undef, undef, 0.003 }'
