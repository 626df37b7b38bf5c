# A device that ends the session with the first line.
printf 'admin@DUT0$ '
read -r line
exit 1
