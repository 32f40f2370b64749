# What the program is built with, and what its tests need on top of that (Debian 12 names).
build_packages="gcc libc6-dev cmake ninja-build pkg-config liblua5.4-dev libuv1-dev
    libjansson-dev libyaml-dev libsodium-dev libssl-dev unixodbc-dev libsqlite3-dev libsqliteodbc"
test_packages="libcmocka-dev lua5.4 lua-check clang libclang-rt-14-dev clang-format sqlite3
    binutils strace openssh-client openssh-server"
# What a practice site on PostgreSQL is made of; some tests make one.
server_packages="postgresql odbc-postgresql haproxy"
