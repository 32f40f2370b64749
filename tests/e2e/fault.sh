# One fault that the lab can prepare: it is refused by name, nothing is changed, and after the
# repair an ordinary failover gets through.  usage: fault.sh PROGRAM FAULT
. "$(dirname "$0")/lib.sh"
fault=$1

lsn_of() {
    printf '%s' "$1" | sed 's/.*_0*\([0-9]*\)\.blog/\1/'
}

# before_of NAME: the log backup that comes before it in a folder's listing.
before_of() {
    sort names | grep -B 1 -F -e "$1" | head -n 1
}

new_lab site
break_lab site "$fault"
# The file that the lab says it has chosen.
chosen=$(sed -n 's/.*: \(mgc_[0-9]*\.blog\)$/\1/p' out)
{
    ls site/backups/mgc
    printf '%s\n' "$chosen"
} | sort -u >names
share=$work/site/backups/mgc
copied=$work/site/dc2/sql3/copied
snapshot site >before

names_the_fault() {
    case $fault in
    gap)
        earlier=$(before_of "$chosen")
        later=$(grep -A 1 -F -e "$chosen" names | tail -n 1)
        says "$earlier"
        says "$later"
        says "LSN $(lsn_of "$earlier") to $(lsn_of "$chosen")"
        ;;
    damaged-backup)
        says "$chosen"
        says "LSN $(lsn_of "$(before_of "$chosen")")"
        says "LSN $(lsn_of "$chosen")"
        ;;
    foreign-fork)
        says "$chosen"
        says "another recovery fork"
        # Both LSNs as they stand in the header.
        says "LSN $(od -An -t d8 -j 64 -N 16 "$share/$chosen" | awk '{ print $1 " to " $2 }')"
        ;;
    primary-alive)
        says "the primary of mgc on sql1"
        says "$work/site/dc1/sql1/mgc.db"
        ;;
    share-full)
        wanted=0
        for name in "$share"/*; do
            [ -e "$copied/${name##*/}" ] || wanted=$((wanted + $(wc -c <"$name")))
        done
        says "$copied"
        says "$wanted bytes"
        ;;
    *) fail "there is no fault $fault" ;;
    esac
}

it "the plan is refused and names the fault"
bsc plan "$failover" --site site/site.yaml
exits 3
names_the_fault

it "planning has changed nothing"
unchanged site before

it "the run is refused and names the fault"
bsc run "$failover" --site site/site.yaml --yes
exits 3
names_the_fault

it "the run has changed nothing, and there is no folder of it"
unchanged site before
no_run site

it "after the repair an ordinary failover gets through"
bsc lab repair site
exits 0
break_lab site primary-site
bsc run "$failover" --site site/site.yaml --yes
exits 0
same "$(sql site/dc2/sql3/mgc.db "PRAGMA integrity_check")" ok "the new primary"
kept=$(sql site/dc2/sql3/mgc.db "SELECT count(*) FROM tblChatMessage")
known=$(sql site/office/ledger.db "SELECT count(*) FROM acknowledged")
says "$(thousands "$kept") of $(thousands "$known") committed messages are in the new primary"
