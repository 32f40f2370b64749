-- Facts of how one of the two pools of a migration is administered.

return {
  kind = "administration",
  doc = "whether the legacy or the new pool of a migration can be administered",
  keys = {
    state = { type = "text", values = { "reachable", "unreachable" }, volatile = true,
      doc = "whether every tool of its version can" },
    tool = { type = "text", doc = "the tools, with commas between them" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
