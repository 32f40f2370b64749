# docs/postgresql.md, followed to the letter. Its servers need a short path that everybody
# may enter.
. "$(dirname "$0")/lib.sh"

it "the page is true"
chmod 711 "$work"
umask 022
servers="$work/p/home/pg/site"
lua5.4 "$source_tree/tests/docs/page.lua" "$source_tree" docs/postgresql.md "$program" \
    "$work/p" >out 2>err || fail "see below"
