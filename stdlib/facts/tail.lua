-- Facts of the tail of the log: commits of a dead primary that no log backup contains.

return {
  kind = "tail",
  doc = "the end of a dead primary's log, where its disk can still be read",
  keys = {
    state = {
      type = "text",
      values = { "unavailable", "empty", "available", "damaged", "salvaged", "too_late" },
      doc = "whether there is anything to salvage; too late once the copy was brought online",
    },
    first_lsn = { type = "int", unit = "LSN", advances = true,
      doc = "the tail begins after this LSN" },
    last_lsn = { type = "int", unit = "LSN", advances = true, doc = "last LSN of the tail" },
    time = { type = "text", unit = "ISO 8601, UTC", advances = true,
      doc = "time of its last commit" },
    commits = { type = "int", unit = "commits", advances = true,
      doc = "commits it contains, in any database of the server" },
    prepared = { type = "int", unit = "transactions", advances = true,
      doc = "transactions that were prepared in it for a commit in two phases and not ended" },
    commit_list = { type = "list", volatile = true,
      doc = "those that are not in the copy, up to 1000 of them: time, transaction, LSN" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
