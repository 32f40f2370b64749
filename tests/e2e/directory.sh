# What tests use that work on the practice site of a migration; sourced after lib.sh. $platform is
# set.

# new_site USERS: such a site, `site`, with so many users.
new_site() {
    if [ "$platform" = postgresql ]; then
        chmod 711 "$work"
        servers=$work/site
    fi
    bsc lab new site --scenario migration --platform "$platform" --users "$1"
    exits 0
}

# Asks the directory, not through bascule.
ask() {
    if [ "$platform" = sqlite ]; then
        sqlite3 -batch -init /dev/null -cmd ".timeout 20000" site/hq/directory.db "$1"
        return
    fi
    set -- "$1" /usr/lib/postgresql/*/bin/psql
    "$2" -X -q -A -t -h "$work/site/hq" -U postgres -d directory -c "$1" 2>"$work/psql.err"
}

# One value of the lab's status.
status() {
    bsc lab status site --json
    exits 0
    json out "\$.$1"
}

# more KEY NUMBER: the status has a greater number now.
more() {
    [ "$(status "$1")" -gt "$2" ]
}
