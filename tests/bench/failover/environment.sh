# The names of the contenders' site, as its own env.sh says; sourced.
eval "$(bash -c ". '$scripts/env.sh' && for name in LAB RUN SHARE SCOPY BIN P_PORT S_PORT M_PORT \
    M2_PORT PATH; do printf '%s=%q\n' \$name \"\${!name}\"; done")"
export PATH
