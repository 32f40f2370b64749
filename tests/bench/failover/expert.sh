#!/bin/bash
# A contender: what somebody who knows PostgreSQL well writes in bash. Every log file goes straight
# into the standby's pg_wal, durable and named last, and the standby is woken for each.
set -euo pipefail
# shellcheck source=/dev/null
. "$BENCH_FOLDER/scripts/env.sh"
ask() { psql -XqAt -v ON_ERROR_STOP=1 -p "$S_PORT" -c "$1"; }
tell() { echo "$1" | socat -t2 - "UNIX-CONNECT:$RUN/haproxy.sock" >/dev/null; }
await() { until [ "$(ask "$1")" = "$2" ]; do sleep 0.01; done; }

read -r job <"$RUN/copyjob.pid"
read -r standby <"$LAB/S/postmaster.pid"
kill "$job"
while [ "$(ps -o stat= -p "$job" | cut -c1)" = S ]; do sleep 0.005; done

cd "$SHARE"
for file in $(comm -23 <(printf '%s\n' * | grep -xE '[0-9A-F]{24}' | sort) \
    <(find "$SCOPY" -type f -printf '%f\n' | sort)); do
    cp "$file" "$LAB/S/pg_wal/.new"
    sync "$LAB/S/pg_wal/.new"
    mv "$LAB/S/pg_wal/.new" "$LAB/S/pg_wal/$file"
    kill -HUP "$standby"
done
last=$(pg_waldump "$file" 2>/dev/null | sed -n '$s/.*lsn: \([0-9A-F/]*\),.*/\1/p' || true)
await "SELECT pg_last_wal_replay_lsn() > '$last'" t

ask "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'app'
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'" >/dev/null
ask "SELECT pg_promote(false)" >/dev/null
await "SELECT pg_is_in_recovery()" f
tell "set server rw/P state maint; set server rw/S state ready"

pg_basebackup -D "$LAB/M2" -p "$S_PORT" -c fast -X stream -R -d application_name=m2
pg_ctl start -W -s -D "$LAB/M2" -l "$LAB/M2.log" -o "-p $M2_PORT"
ask "ALTER SYSTEM SET synchronous_standby_names = 'm2'"
ask "SELECT pg_reload_conf()" >/dev/null
await "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'" 1
tell "set server ro/M state maint; set server ro/M2 state ready"
