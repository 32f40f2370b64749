-- Facts of one of the two pools of a migration, as something that was deployed.

return {
  kind = "deployment",
  doc = "the legacy or the new pool of a migration",
  keys = {
    state = { type = "text", values = { "deployed", "retired", "missing", "unreachable" },
      doc = "missing: the directory does not know the pool" },
    pool = { type = "text", identity = true, doc = "its name, as the directory writes it" },
    version = { type = "text", doc = "of its software" },
    replicated = { type = "bool", volatile = true,
      doc = "whether what the pool has to know has been replicated to it" },
    store = { type = "text", doc = "where it keeps its users, such as a server and instance" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
