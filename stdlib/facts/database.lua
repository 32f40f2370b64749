-- Facts of one copy of a database: its state, and how far it has come.

return {
  kind = "database",
  doc = "one copy of a database",
  keys = {
    state = {
      type = "text",
      values = {
        "online", "restoring", "standby", "mirror", "missing", "unreachable", "damaged", "unknown",
      },
      doc = "what can be done with the copy; restoring and standby copies take log backups",
    },
    writable = { type = "bool", doc = "whether applications can write to it" },
    fenced = { type = "bool",
      doc = "whether it is proved that its server, which does not answer, serves nobody and will "
        .. "not by itself; unknown where the site names no proof" },
    database_id = { type = "text", identity = true,
      doc = "what every copy of the same database has in common" },
    fork = { type = "text", identity = true,
      doc = "recovery fork: changes when a copy is brought online" },
    lsn = { type = "int", unit = "LSN", volatile = true, doc = "last LSN it contains" },
    time = { type = "text", unit = "ISO 8601, UTC", volatile = true,
      doc = "when the commit at that LSN was made" },
    -- Foretold from the LSN that it has come to. One that was brought online elsewhere is of
    -- another fork.
    recovered_lsn = { type = "int", unit = "LSN", advances = true,
      doc = "where it was brought online and left the fork of its log backups; unknown when it "
        .. "never was" },
    recovered_time = { type = "text", unit = "ISO 8601, UTC", advances = true,
      doc = "time of that LSN" },
    incomplete_lsn = { type = "int", unit = "LSN",
      doc = "up to where log backups are in it in part only, until all of them are applied; "
        .. "unknown when it is whole" },
    held_by = { type = "text",
      doc = "what keeps it from taking the log backups that are there; unknown when nothing does" },
    restore_command = { type = "text", volatile = true,
      doc = "a plain command with which its server fetches log files that are put into its own "
        .. "folder too, or what bascule has made of it meanwhile; unknown for any other" },
    at_rest = { type = "bool", volatile = true,
      doc = "whether it is a mirror whose server was stopped in good order; unknown when not" },
    coming_online = { type = "bool",
      doc = "whether it was told to come online and has yet to do so; unknown when not" },
    serving_since = { type = "text", unit = "ISO 8601, UTC", volatile = true,
      doc = "when its server was started" },
    commits_await = { type = "text",
      doc = "standbys that commits on it would wait for once it is online; unknown when none" },
    refuses_writes = { type = "bool",
      doc = "whether its own settings would refuse writes once it is online; unknown when not" },
    commits_held_by = { type = "text", volatile = true,
      doc = "standbys that commits on it wait for now although too few of them are there; unknown "
        .. "when commits go through" },
    -- Log backups bring grants and settings of databases.
    closed_by = { type = "text", volatile = true,
      doc = "settings of the database itself that refuse writes to its clients; unknown when there "
        .. "are none" },
    rights_missing = { type = "text", volatile = true,
      doc = "what bringing it online needs and its role may not do; unknown when nothing" },
    handed_over_lsn = { type = "int", unit = "LSN", advances = true,
      doc = "where it was handed over, as long as it can still be opened again there; unknown when "
        .. "it was not" },
    sessions = { type = "int", unit = "sessions", volatile = true, doc = "sessions open on it" },
    sessions_kept = { type = "text", volatile = true,
      doc = "sessions that its role may not end, and what it needs for that; unknown when none" },
    session_list = { type = "list", volatile = true, doc = "those sessions: pid and program" },
    log_shipping = { type = "text", values = { "configured", "none" },
      doc = "whether a job copies and applies log backups to it" },
    log_shipping_job = { type = "text",
      doc = "that job in the words of its platform, from which it can be made again; empty when "
        .. "there is none, or none that can be read" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
