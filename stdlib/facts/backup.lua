-- Facts of the backup of a user directory.

return {
  kind = "backup",
  doc = "the newest backup of a user directory",
  keys = {
    state = { type = "text", values = { "made", "missing", "unreachable" },
      doc = "whether there is one" },
    time = { type = "text", volatile = true, doc = "of the newest, as the directory writes it" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
