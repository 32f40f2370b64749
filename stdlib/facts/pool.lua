-- Facts of a pool of application servers.

return {
  kind = "pool",
  doc = "a pool of application servers and which of them are active",
  keys = {
    state = { type = "text", values = { "Normal", "FailedOver", "unreachable" },
      doc = "Normal uses the primary database, FailedOver the secondary" },
    active_servers = { type = "list", unit = "server names", doc = "in order of name" },
    version = { type = "int", counts = true, doc = "goes up by one with every change" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
