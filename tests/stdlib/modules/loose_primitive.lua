-- Gives an action; another one is dropped.
warn "nobody hears this"

return { first = warn "first" }
