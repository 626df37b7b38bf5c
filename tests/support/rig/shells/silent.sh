# A device that accepts the login and prints nothing.
exec sleep 100000
