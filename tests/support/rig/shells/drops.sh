# A device that ends the session after the first line.
printf 'admin@DUT0$ '
read -r line
exit 1
