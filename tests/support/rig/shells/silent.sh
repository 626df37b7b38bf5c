# A device that lets its user in and says nothing.
exec sleep 100000
