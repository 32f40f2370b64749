# Medians of the figures of every contender, and of the ratios of `bascule` to each within a round.
function sorted(list, n,    i, j, x) {
    for (i = 2; i <= n; i++) {
        x = list[i]
        for (j = i - 1; j > 0 && list[j] > x; j--)
            list[j + 1] = list[j]
        list[j + 1] = x
    }
}

function median(n) {
    sorted(list, n)
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# Fills list with a figure of all turns of a contender; returns how many there are.
function gather(figure, name,    round, n) {
    delete list
    n = 0
    for (round = 1; round <= rounds; round++)
        if ((figure, round, name) in all)
            list[++n] = all[figure, round, name]
    return n
}

function gather_ratios(figure, ours, name,    round, n) {
    delete list
    n = 0
    for (round = 1; round <= rounds; round++)
        if ((figure, round, ours) in all && (figure, round, name) in all)
            list[++n] = all[figure, round, ours] / all[figure, round, name]
    return n
}

function print_figure(figure, name,    n, middle) {
    n = gather(figure, name)
    if (n == 0)
        return sprintf(" %18s", "-")
    middle = median(n)
    return sprintf(" %5d [%d-%d]", middle, list[1], list[n])
}

function print_ratio(figure, ours, name,    n, middle) {
    n = gather_ratios(figure, ours, name)
    if (n == 0)
        return sprintf(" %22s", "-")
    middle = median(n)
    return sprintf(" %.2f [%.2f-%.2f]", middle, list[1], list[n])
}

function print_ratios(ours,    i) {
    printf "\n%s / ...  (within a round: median [least-most])\n", ours
    printf "%-18s %24s %24s %4s\n", "", "rto", "whole", "n"
    for (i = 1; i <= count; i++)
        if (names[i] !~ /^bascule/)
            printf "%-18s %24s %24s %4d\n", names[i], print_ratio("rto", ours, names[i]),
                print_ratio("whole", ours, names[i]), gather_ratios("rto", ours, names[i])
}

BEGIN { FS = "\t" }
FNR == 1 { next }
{
    if (!($2 in known)) {
        known[$2] = 1
        names[++count] = $2
    }
    rounds = $1 > rounds ? $1 : rounds
    if ($7 != "ok") {
        wrong[$2]++
        next
    }
    if ($6 > foreign_max) {
        noisy[$2]++
        next
    }
    all["rto", $1, $2] = $3
    all["whole", $1, $2] = $4
    all["lost", $1, $2] = $5
}

END {
    printf "\n%-18s %24s %24s %18s %4s %5s %5s\n", "milliseconds", "rto", "whole", "rows lost", "n",
        "wrong", "noisy"
    for (i = 1; i <= count; i++)
        printf "%-18s %24s %24s %18s %4d %5d %5d\n", names[i], print_figure("rto", names[i]),
            print_figure("whole", names[i]), print_figure("lost", names[i]),
            gather("rto", names[i]), wrong[names[i]], noisy[names[i]]
    for (i = 1; i <= count; i++)
        if (names[i] ~ /^bascule/)
            print_ratios(names[i])
}
