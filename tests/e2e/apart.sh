# The first process of a test that lives apart from all others. Whoever outlives its parent there is
# left to it, and it takes note of their ends, which `timeout` and `unshare` do not.
#   apart.sh COMMAND…
"$@"
exit $?
