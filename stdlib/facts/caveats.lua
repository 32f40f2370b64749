-- Facts of what a way back from a migration would cost.

return {
  kind = "caveats",
  doc = "what moving users back to the legacy pool costs, and whom",
  keys = {
    state = { type = "text", values = { "known", "unreachable" },
      doc = "whether it can be read" },
    meetings = { type = "int", unit = "users", volatile = true,
      doc = "whose newly scheduled meetings stop working" },
    clients = { type = "int", unit = "users", volatile = true,
      doc = "whose clients have to be downgraded" },
    affected = { type = "list", unit = "lines", noun = "user", volatile = true,
      doc = "who, and by what; 1,000 of each at most" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
