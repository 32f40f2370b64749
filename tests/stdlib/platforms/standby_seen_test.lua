-- What is seen of a log-shipped standby of PostgreSQL, of its log files, and of its copy job.
local lab = require_module "lab"
local standby_site = require_module "standby_site"
local T = {}

local mib = 1 << 20
local secondary, backups = "database:mgc.secondary", "log_backups:mgc.secondary"
local f26, f27 = "000000010000000000000026", "000000010000000000000027"
local site, straight = standby_site.site, standby_site.straight

-- What the server says of itself: `more` columns, others as of a standby at rest.
local function answer(more)
  local row = { restoring = 1, system = "77", timeline = 1, lsn = 0x2600000, streams = 0,
    read_only = 0, segment = mib, paused = 0, delay_ms = 0, restore_command = "cp",
    commits_await = "", time = "2026-11-21T10:00:00.000Z" }
  for key, value in pairs(more or {}) do
    row[key] = value
  end
  local columns, values = host.list {}, host.list {}
  for key, value in pairs(row) do
    columns[#columns + 1], values[#values + 1] = key, value
  end
  return { columns = columns, rows = host.list { values } }
end

local function file_lines(...)
  local lines = host.list {}
  for index, name in ipairs { ... } do
    lines[index] = name:find("history", 1, true) and "41 " .. name or mib .. " " .. name
  end
  return { exists = true, parent = true, free_bytes = 1 << 30, files = lines }
end

-- Observes a resource of a site whose server gives `row`; `rows` answers other rows.
local function observe(resource, row, rows, of)
  lab.body("", { site = of or site() })
  return drive(function()
    return lab.host.observe { resource = resource }
  end, function(effect)
    local found = rows and rows[effect.row]
    local value = found
    if type(found) == "function" then
      value = found(effect.args)
    end
    if not value and effect.row == "sql.query" then
      local sql = effect.args.sql
      value = (sql:find("pg_is_in_recovery", 1, true) or sql:find("pg_read_file('", 1, true))
        and answer(row) or { columns = host.list { "pid", "program" }, rows = host.list {} }
    elseif not value and effect.row == "process.state" then
      value = { alive = false, pid = 0, program = "" }
    end
    return value and { ok = true, value = value }
      or { ok = false, error = { code = "not_found", message = "no answer to " .. effect.row } }
  end)
end

T["a process that is not the job by its words proves nothing of the job"] = function()
  local function look(alive, is_job)
    return observe(secondary, nil, { ["process.state"] = { alive = alive, pid = 7,
      program = alive and "sleep (command line 12)" or "", is_job = is_job } })
  end
  expect.equal(look(true, true).log_shipping, "configured")
  expect.equal(look(true, true).log_shipping_job, "sleep (command line 12)")
  expect.equal(look(false, false).log_shipping, "none")
  local found = look(true, false)
  expect.equal(found.log_shipping, nil)
  expect.equal(found.log_shipping_job, "sleep (command line 12)")
  expect.equal(found.reason, "process 7, whose pid is in /run/copier, is sleep (command line 12), "
    .. "and not the job of the site (copier --often): remove that file if the job has ended, else "
    .. "mend job in log_shipping")
end

T["of what is hidden by the database's settings the server's own counts"] = function()
  local function look(more, own)
    return observe(secondary, more, { ["sql.query"] = function(args)
      return args.sql:find("pg_file_settings", 1, true) and { columns = host.list { "read_only" },
        rows = host.list { host.list { own } } } or nil
    end })
  end
  expect.equal(look({ read_only = 1, overridden = 0 }).refuses_writes, true)
  expect.equal(look({ read_only = 1, overridden = 1 }, 0).refuses_writes, nil)
  expect.equal(look({ read_only = 0, overridden = 1 }, 1).refuses_writes, true)
  local online = look({ restoring = 0, read_only = 1, overridden = 1, closed_by = "ALTER X" }, 0)
  expect.equal(online.writable, true)
  expect.equal(online.closed_by, "ALTER X")
end

T["settings are asked for when the server has read its configuration again"] = function()
  local asked = 0
  local function look(configured, command)
    return observe(secondary, { configured = configured }, { ["sql.query"] = function(args)
      local is_theirs = args.sql:find("pg_settings", 1, true)
      asked = asked + (is_theirs and 1 or 0)
      return is_theirs and { columns = host.list { "configured", "restore_command" },
        rows = host.list { host.list { configured, command } } } or nil
    end }).held_by
  end
  expect.equal(look("7 noon", "cp"), nil)
  expect.equal(look("7 noon", ""), nil)
  expect.equal(asked, 1)
  expect.equal(look("7 later", ""), "it has no restore_command")
  expect.equal(look("8 later", "cp"), nil)
  expect.equal(asked, 3)
end

T["the rights that are missing depend on what has to be changed"] = function()
  local function missing(more, found)
    return observe(secondary, more, { ["sql.query"] = function(args)
      return args.sql:find("pg_reload_conf", 1, true) and { columns = host.list { "parameters",
        "deaf" }, rows = host.list { host.list(found) } } or nil
    end }).rights_missing
  end
  local promote = "pg_promote(boolean,integer)"
  expect.equal(missing {}, nil)
  expect.equal(missing { rights_missing = promote }, "EXECUTE ON FUNCTION " .. promote)
  expect.equal(missing({ commits_await = "x" }, { host.null, 0 }), nil)
  expect.equal(missing({ commits_await = "x", version = 150000, rights_missing = promote },
    { "ALTER SYSTEM ON PARAMETER y", 1 }), "EXECUTE ON FUNCTION " .. promote
      .. ", pg_reload_conf(); ALTER SYSTEM ON PARAMETER y")
end

T["what holds a standby is told"] = function()
  local function held(more)
    return observe(secondary, more).held_by
  end
  expect.equal(held(), nil)
  expect.equal(held { paused = 1 },
    "its replay is paused; SELECT pg_wal_replay_resume() lets it go on")
  expect.equal(held { delay_ms = 60000 }, "recovery_min_apply_delay keeps it 1 min 0 s behind")
  expect.equal(held { target = "recovery_target_time = 2026-11-21" },
    "it would stop at a recovery target: recovery_target_time = 2026-11-21")
  expect.equal(held { restore_command = "" }, "it has no restore_command")
  expect.equal(held { restoring = 0, paused = 1 }, nil)
end

T["only what bascule would change is told, or has changed: passwords may stand in the others"] =
  function()
    local function told(command, altered, of, restoring)
      return observe(secondary, { restore_command = command, restore_altered = altered,
        restoring = restoring or 1 }, nil, of or straight()).restore_command
    end
    local plain = "cp /copied/%f %p"
    local quick = "test -e /copied/%f && cp /copied/%f %p # while log files are handed over"
    expect.equal(told(plain, 0), plain)
    expect.equal(told(quick, 1), quick)
    expect.equal(told("fetch --password=secret %f %p", 0), nil)
    expect.equal(told(plain, 1), nil)
    expect.equal(told(plain, nil), nil)
    expect.equal(told(quick, 0), nil)
    expect.equal(told(plain, 0, site()), nil)
    expect.equal(told(plain, 0, straight(), 0), nil)
  end

T["a server that left a timeline says where"] = function()
  local found = observe(secondary, { restoring = 0, timeline = 3,
    left_at = "2026-11-21T10:02:00.000Z",
    history = "1\t0/2000000\tbefore\n\n2\t0/2700028\tno recovery target specified\n" })
  expect.equal(found.state, "online")
  expect.equal(found.fork, "timeline 3")
  expect.equal(found.recovered_lsn, 0x2700028)
  expect.equal(found.recovered_time, "2026-11-21T10:02:00.000Z")
  expect.equal(observe(secondary, { restoring = 0 }).recovered_lsn, nil)
end

local function folders(share, copied)
  return function(args)
    return args.path == "/share" and share or copied
  end
end

T["a standby has the log files that are whole in its own folder"] = function()
  local listed = {
    ["/share"] = file_lines(f26, f27),
    ["/copied"] = file_lines(),
  }
  local own = file_lines(f26)
  local function found(of)
    return observe(backups, nil, {
      ["folder.list"] = function(args)
        return listed[args.path]
      end,
      ["wal.own"] = function(args)
        expect.equal(args, { server = "sql3", database = "mgc", data = "/data" })
        return own
      end,
      ["wal.end"] = { lsn = 0x27FFF00, time = "", whole = true, zeros = false, reason = "" },
    }, of)
  end
  expect.equal(found(straight()).copied_lsn, 0x2700000)
  expect.equal(found(straight()).pending_bytes, mib)
  expect.equal(found().copied_lsn, 0x2600000)
  own = file_lines(f26, f27)
  expect.equal(found(straight()).copied_lsn, 0x27FFF00)
  expect.equal(found(straight()).pending_bytes, 0)
end

T["of a folder that cannot be looked at it is told why"] = function()
  local function look(open, row)
    return observe(backups, row, {
      ["folder.list"] = function(args)
        return args.path == open and file_lines() or nil
      end,
      ["wal.end"] = { lsn = 0x2600000, time = "", whole = true, zeros = false, reason = "" },
    })
  end
  for _, open in ipairs { "/share", "/copied" } do
    local found = look(open)
    expect.equal(found.share_readable, open == "/share")
    expect.equal(found.problem, open == "/copied" and "none" or nil)
    expect.equal(found.problem_text, "no answer to folder.list")
  end
  expect.equal(look("/share", { restoring = 0 }).problem_text, nil)
end

T["a log file of the share that ends with zeros raises a doubt"] = function()
  local function doubt(share)
    return observe(backups, nil, {
      ["folder.list"] = folders(share, file_lines(f26, f27)),
      ["wal.end"] = function()
        return { lsn = 0x27FFF00, bad_lsn = 0x27FFF00, time = "", whole = true, zeros = true,
          reason = "nothing was written" }
      end,
    })
  end
  local found = doubt(file_lines(f26, f27))
  expect.equal(found.problem, "none")
  expect.equal(found.doubt, f27 .. " in /share ends with zeros from LSN 41942784 on: whether "
    .. "commits behind it were lost does not show")
  expect.equal(doubt(file_lines(f26)).doubt, nil)
end

T["a share without a log file raises a doubt: it may not be mounted"] = function()
  local function doubt(share)
    return observe(backups, nil, {
      ["folder.list"] = folders(share, file_lines(f26, f27)),
      ["wal.end"] = { lsn = 0x27FFF00, time = "", whole = true, zeros = false, reason = "" },
    }).doubt
  end
  expect.equal(doubt(file_lines("00000002.history")),
    "there is no log file in /share: whether that is the share does not show")
  expect.equal(doubt(file_lines(f26)), nil)
end

T["a file that is worse than that of the share is read there, and compared once only"] = function()
  local known, ends
  local function look()
    return observe(backups, nil, {
      ["folder.list"] = folders(file_lines(f26, f27), file_lines(f26, f27)),
      ["wal.compare"] = function(args)
        expect.equal(args.files, { f26, f27 })
        known = args.known
        return { same = { [f27] = "mark" }, shared = host.list { f26 } }
      end,
      ["wal.end"] = function(args)
        ends = args
        return { lsn = 0x27FFF00, time = "", whole = true, reason = "" }
      end,
    })
  end
  local found = look()
  expect.equal(known, nil)
  expect.equal(ends.without, { f26 })
  expect.equal(found.chain[1], "39845888 40894464 1048576 - - differs " .. f26)
  expect.equal(found.copied_lsn, 0x2600000)
  look()
  expect.equal(known, { [f27] = "mark" })
end

T["the log backups end where their last record ends"] = function()
  local asked
  local found = observe(backups, nil, {
    ["folder.list"] = folders(file_lines(f26, f27), file_lines(f26)),
    ["wal.end"] = function(args)
      asked = args
      return { lsn = 0x27FFF00, time = "2026-11-21T10:01:00.000Z", whole = true, reason = "" }
    end,
  })
  expect.equal(asked, { folders = { "/copied", "/share" }, timeline = 1, segment = mib,
    lsn = 0x2600000, last_file = 0x2700000 })
  expect.equal(found.last_lsn, 0x27FFF00)
  expect.equal(found.last_time, "2026-11-21T10:01:00.000Z")
  expect.equal(found.copied_lsn, 0x2700000)
  expect.equal(found.problem, "none")
end

T["a record that is not whole is damage, and its log file is named"] = function()
  local found = observe("log_chain:mgc.secondary", nil, {
    ["folder.list"] = folders(file_lines(f26, f27), file_lines()),
    ["wal.end"] = { lsn = 0x2700100, time = "", whole = false, bad_lsn = 0x2700100,
      reason = "the record does not match its checksum" },
  })
  expect.equal(found.problem, "damaged")
  expect.equal(found.problem_text, f27 .. ": the record does not match its checksum")
end

local function with_history(lsn)
  return observe(backups, nil, {
    ["folder.list"] = folders(file_lines("00000002.history", f26), file_lines(f26)),
    ["wal.history"] = { timeline = 2, parent = 1, lsn = lsn },
    ["wal.end"] = { lsn = 0x26FFF00, time = "", whole = true, reason = "" },
  })
end

T["a timeline that was given up is told, so that its number is not used again"] = function()
  local found = with_history(0x2500000)
  expect.equal(found.problem, "none")
  expect.equal(found.timelines, { "38797312 38797312 41 - - missing 00000002.history" })
  expect.equal(#found.chain, 1)
  expect.equal(found.pending_bytes, 0)
end

T["one that left ahead of the standby is another way that somebody went"] = function()
  local found = with_history(0x2680000)
  expect.equal(found.problem, "foreign_fork")
  expect.equal(found.problem_text, "00000002.history says that timeline 2 left timeline 1 at LSN "
    .. "40370176, and the copy is at LSN 39845888")
end

-- What `answer_to` says, to a shared question once for all who ask it `together`, as the host does.
local function sharing(together, answer_to)
  return function(effect)
    local key = effect.shared and together
      and ("%s %s %s"):format(effect.row, effect.args.path, effect.args.sql)
    if key and together[key] then
      return together[key]
    end
    local value = answer_to(effect)
    if key and value.ok then
      together[key] = value
    end
    return value
  end
end

T["servers of PostgreSQL are looked at side by side, all else in turn"] = function()
  lab.body("", { site = site() })
  expect.equal(lab.host.groups { resources = { "database:mgc.primary", "tail:mgc.primary",
    secondary, backups, "log_chain:mgc.secondary", "mirror:mgc.mirror", "sql:mgc.known",
    "pool:chat", "file:/x" } },
    { "sql1", "sql1", "sql3", "sql3", "sql3", "sql2", "", "", "" })
end

T["what is seen of a standby in one survey is of one moment, while it replays"] = function()
  lab.body("", { site = site() })
  local asked = 0
  local function look(resource, together)
    return drive(function()
      return lab.host.observe { resource = resource }
    end, sharing(together, function(effect)
      local sql, value = effect.args.sql or ""
      if sql:find("pg_is_in_recovery()::int AS restoring", 1, true) then
        asked = asked + 1
        value = answer { lsn = 0x2600000 + asked * 0x100 }
      elseif effect.row == "folder.list" then
        value = file_lines(f26)
      elseif effect.row == "sql.query" then
        value = { columns = host.list { "pid" }, rows = host.list {} }
      end
      return value and { ok = true, value = value }
        or { ok = false, error = { code = "not_found", message = "no answer" } }
    end))
  end
  local together = {}
  local first = look(secondary, together)
  expect.equal(look(backups, together).applied_lsn, first.lsn)
  expect.equal(asked, 1)
  expect.equal(look(backups, {}).applied_lsn, first.lsn + 0x100)
  expect.equal(look(backups).applied_lsn, first.lsn + 0x200)
  expect.equal(look(secondary).lsn, first.lsn + 0x300)
end

T["the folders of log files are listed once in a survey"] = function()
  lab.body("", { site = straight() })
  local asked = {}
  local function look(resource, together)
    return drive(function()
      return lab.host.observe { resource = resource }
    end, sharing(together, function(effect)
      local of = effect.args.path or effect.row
      asked[of] = (asked[of] or 0) + 1
      local value = effect.row == "sql.query" and answer()
        or effect.row == "folder.list" and file_lines(f26)
        or effect.row == "wal.own" and file_lines(f27)
        or effect.row == "wal.end" and { lsn = 0x27FFF00, time = "", whole = true, zeros = false,
          reason = "", bad_lsn = 0 }
      return value and { ok = true, value = value }
        or { ok = false, error = { code = "not_found", message = "no answer" } }
    end))
  end
  local function listings()
    return { asked["/share"], asked["/copied"], asked["wal.own"] }
  end
  local together = {}
  local first = look(backups, together)
  look("log_chain:mgc.secondary", together)
  expect.equal(look(backups, together).chain, first.chain)
  expect.equal(listings(), { 1, 1, 1 })
  look(backups)
  look(backups)
  expect.equal(listings(), { 3, 3, 3 })
end

return T
