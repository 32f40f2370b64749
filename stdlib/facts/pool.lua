-- Facts of a pool of application servers.

return {
  kind = "pool",
  doc = "a pool of application servers and which of them are active",
  keys = {
    state = { type = "text", values = { "Normal", "FailedOver", "unreachable" },
      doc = "Normal uses the primary database, FailedOver the secondary" },
    active_servers = { type = "list", unit = "server names", doc = "in order of name" },
    version = { type = "int", counts = true, doc = "goes up by one with every change" },
    routes = { type = "list", unit = "server states", noun = "server", named_by = 1,
      doc = "driver haproxy: what it was told of each server, BACKEND/SERVER and ready, drain or "
        .. "maint; where its instances differ, what each was told, in the order of the site file" },
    -- An undo writes the state files as well.
    saved = { type = "bool", counts = true,
      doc = "driver haproxy: whether a restart would change none of that" },
    sessions_left = { type = "int", volatile = true,
      doc = "driver haproxy: sessions that go on at servers that take no new ones" },
    sessions_closed = { type = "int", volatile = true,
      doc = "driver haproxy: sessions of writers there that they have closed, and that the server "
        .. "has not" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
