-- Facts of a mirror: a copy kept up to date by its principal all the time.

return {
  kind = "mirror",
  doc = "the link between a principal and its mirror",
  keys = {
    state = { type = "text", values = { "none", "following", "stalled", "broken" },
      doc = "whether the mirror is being kept up to date" },
    principal = { type = "text", identity = true, doc = "path or server of the copy it follows" },
    synchronous = { type = "bool", doc = "whether the commits of the principal wait for it" },
    waits_for = { type = "text",
      doc = "whom the commits of the principal wait for, in the words of its platform" },
    lsn = { type = "int", unit = "LSN", volatile = true, doc = "last LSN the mirror contains" },
    lag = { type = "int", unit = "LSN", volatile = true, doc = "how far it is behind" },
    agent = { type = "text", volatile = true, doc = "the process that ships" },
  },
}
