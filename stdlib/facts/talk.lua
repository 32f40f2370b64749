-- Facts of whether users of the two pools of a migration reach each other.

return {
  kind = "talk",
  doc = "whether users of the legacy and the new pool of a migration can talk to each other",
  keys = {
    state = { type = "text", values = { "fine", "broken", "untested", "unreachable" },
      volatile = true,
      doc = "of every pair of pools that have users: fine when messages arrive and none fail" },
    matrix = { type = "list", unit = "lines", volatile = true,
      doc = "from which pool to which, by which channel, and how many were delivered and failed" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
