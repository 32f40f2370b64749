# A data centre from which nothing comes at all, not even a refusal, is waited for once, and not at
# each look that a failover takes at it.
. "$(dirname "$0")/lib.sh"

silent=$1
patience_s=4

new_servers site
break_lab site primary-server
"$silent" 2 >ports &
background="$background $!"
until_true 60 eval '[ "$(wc -l <ports)" -eq 2 ]'

# silent_at SERVER PORT: the server is at an address that does not answer.
silent_at() {
    sed -i "/Servername=.*\/$1\"/{s,Servername=[^\"]*,Servername=127.0.0.1,;}" site/site.yaml
    sed -i "/^  $1: /{s,platform:,connect_timeout: ${patience_s}s\, platform:,;n;n
        s,Port=5432,Port=$2,;}" site/site.yaml
}
silent_at sql1 "$(sed -n 1p ports)"
silent_at sql2 "$(sed -n 2p ports)"

it "both are unreachable, and known to be so after the time of one"
began=$(date +%s)
bsc observe --site site/site.yaml
took=$(($(date +%s) - began))
exits 0
says "nobody answers at 127.0.0.1:$(sed -n 1p ports)"
says "nobody answers at 127.0.0.1:$(sed -n 2p ports)"
[ "$took" -lt $((2 * patience_s)) ] || fail "it took $took s"

# It looks at them 15 times; all else takes about two seconds.
it "the failover is done in the time of a few"
began=$(date +%s)
bsc run "$failover" --site site/site.yaml --yes
took=$(($(date +%s) - began))
exits 0
says "done: 15 of 15 items"
[ "$took" -lt $((6 * patience_s)) ] || fail "it took $took s"
