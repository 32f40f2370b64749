-- Facts of a log chain whose every page was read: whether a secondary could take all of it.

return {
  kind = "log_chain",
  doc = "the log backups needed by a secondary copy, read page by page",
  keys = {
    share_readable = { type = "bool", doc = "whether the backup share can be read" },
    problem = {
      type = "text",
      values = { "none", "gap", "damaged", "foreign_fork", "foreign_database", "overlap" },
      doc = "what is wrong with the chain",
    },
    problem_text = { type = "text", doc = "the same for people: names the file and both LSNs" },
    last_lsn = { type = "int", unit = "LSN", volatile = true, doc = "last LSN that was read" },
  },
}
