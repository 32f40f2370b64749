-- Facts of the log backups on their way into one secondary copy.

return {
  kind = "log_backups",
  doc = "the log backups needed by a secondary copy",
  keys = {
    share_readable = { type = "bool", doc = "whether the backup share can be read" },
    free_bytes = { type = "int", unit = "bytes", volatile = true,
      doc = "room left in the destination folder" },
    chain = { type = "list", volatile = true, noun = "log backup", named_by = 2,
      doc = "every backup needed after the applied LSN, in order, one line each: first LSN, last "
        .. "LSN, bytes, SHA-256, time, copied or missing, file name" },
    timelines = { type = "list", volatile = true, noun = "timeline", named_by = 2,
      doc = "timelines that left before the copy got so far: their numbers are taken, and the copy "
        .. "needs their histories when it is brought online; lines as in the chain" },
    applied_lsn = { type = "int", unit = "LSN", advances = true,
      doc = "last LSN of theirs that the copy contains" },
    applied_time = { type = "text", unit = "ISO 8601, UTC", advances = true,
      doc = "time of that LSN" },
    copied_lsn = { type = "int", unit = "LSN", advances = true,
      doc = "last LSN in the destination folder" },
    last_lsn = { type = "int", unit = "LSN", advances = true,
      doc = "last LSN in any log backup" },
    last_time = { type = "text", unit = "ISO 8601, UTC", advances = true,
      doc = "time of that LSN" },
    pending_bytes = { type = "int", unit = "bytes", volatile = true,
      doc = "size of the backups still to be copied" },
    problem = {
      type = "text",
      values = { "none", "gap", "damaged", "foreign_fork", "foreign_database", "overlap" },
      doc = "what is wrong with the chain",
    },
    problem_text = { type = "text", doc = "the same for people: names the file and both LSNs" },
    doubt = { type = "text", volatile = true,
      doc = "why more may have been committed than the chain shows although nothing is wrong with "
        .. "it; unknown when nothing says so" },
    ignored = { type = "list", volatile = true, doc = "files left out, and why" },
  },
}
