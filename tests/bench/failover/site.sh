# The contenders' site as bascule is told of it; sourced. The first argument of the caller is the
# word for the primary's disk. The mirror's settings are copied from the server that listens on
# S_PORT, so its port is given where it is started.
server() {
    echo "  $1: { data_centre: $2, platform: postgresql, folder: $LAB/$3, programs: $BIN,"
    echo "    ${5:+$5,}"
    echo "    connection: \"Driver=PostgreSQL Unicode;Servername=$RUN;Port=$4;UID=postgres\" }"
}

cat <<END
site: bench
data_centres:
  dc1: { title: One }
  dc2: { title: Two }
servers:
$(server p dc1 P "$P_PORT")
$(server m dc1 M "$M_PORT")
$(server s dc2 S "$S_PORT")
$(server m2 dc2 M2 "$M2_PORT" "start: [
    $BIN/pg_ctl, start, -W, -D, $LAB/M2, -l, $LAB/M2.log, -o, \"-p $M2_PORT\"]")
databases:
  mgc:
    primary: { server: p, $1 database: app }
    mirror: { server: m, database: app }
    secondary: { server: s, database: app }
    secondary_mirror: { server: m2, database: app }
    log_shipping: { share: $SHARE, destination: $SCOPY, pid_file: $RUN/copyjob.pid,
                    job: [$scripts/lab.sh, reset], into_pg_wal: true }
pools:
  chat: { driver: haproxy, socket: $RUN/haproxy.sock, state_file: $RUN/haproxy.state,
          state_backend: rw, backend: ro, database: mgc, servers: [m, m2] }
END
