-- A log-shipped standby of PostgreSQL: what is told of it, and what brings it online.
local lab = require_module "lab"
local T = {}

local mib = 1 << 20
local secondary, backups = "database:mgc.secondary", "log_backups:mgc.secondary"
local f26, f27 = "000000010000000000000026", "000000010000000000000027"

local function copy_on(server)
  return { server = server, database = "mgc" }
end

local function site(more)
  local found = lab.site()
  for _, server in ipairs { "sql1", "sql2", "sql3", "sql4" } do
    found.servers[server].platform = "postgresql"
  end
  local mgc = found.databases.mgc
  mgc.primary, mgc.mirror = copy_on "sql1", copy_on "sql2"
  mgc.secondary, mgc.secondary_mirror = copy_on "sql3", copy_on "sql4"
  mgc.log_shipping = { share = "/share", destination = "/copied", pid_file = "/run/copier",
    job = host.list { "copier", "--often" } }
  for key, value in pairs(more or {}) do
    mgc.log_shipping[key] = value
  end
  return found
end

local chain = {
  "39845888 40894464 1048576 - - copied " .. f26,
  "40894464 41943040 1048576 - - missing " .. f27,
}

-- Facts of a standby that has one of two log files; `more` are others of the secondary's.
local function facts(more)
  local all = lab.facts()
  all[secondary] = { state = "standby", writable = false, database_id = "77", fork = "timeline 1",
    lsn = 39845888, time = "2026-11-21T10:00:00.000Z", sessions = 0, session_list = host.list {},
    log_shipping = "configured", log_shipping_job = "copier --often" }
  for key, value in pairs(more or {}) do
    all[secondary][key] = value
  end
  all[backups] = { share_readable = true, free_bytes = 1 << 30, chain = host.list(chain),
    applied_lsn = 39845888, applied_time = "2026-11-21T10:00:00.000Z", copied_lsn = 40894464,
    last_lsn = 41900000, last_time = "2026-11-21T10:01:00.000Z", pending_bytes = mib,
    problem = "none", problem_text = "", ignored = host.list {} }
  return all
end

local function play(body, more, options)
  local world = lab.world(facts(more), true)
  return lab.step(world, body, options or { site = site() }), world
end

local function expect_refusal(result, part)
  expect.equal(result.outcome, "refused")
  expect.truthy(tostring(result.reason):find(part, 1, true),
    tostring(result.reason) .. " does not say: " .. part)
end

T["the copy job gets a signal, if it is still the program that was seen"] = function()
  local result, world = play "log_shipping.remove(db.secondary)"
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].row, "process.end")
  expect.equal(world.changes[1].args, { pid_file = "/run/copier", program = "copier --often" })
end

T["a job that only a pid stands for is not ended by a signal"] = function()
  local result, world = play("log_shipping.remove(db.secondary)", nil,
    { site = site { job = host.list {} } })
  expect_refusal(result, "nothing tells the job that ships to sql3 from another program")
  expect.equal(#world.changes, 0)
end

T["a job that the site does not say how to begin is not begun again"] = function()
  local _, world = play "log_shipping.remove(db.secondary)"
  local ended = lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(ended.outcome, "skipped")
  expect.truthy(ended.reason:find("does not say how log shipping to sql3 is begun", 1, true))
  expect.equal(#world.changes, 1)
end

T["a job may be ended and begun by programs of the site"] = function()
  local options = { site = site { stop = host.list { "systemctl", "stop", "copier" },
    start = host.list { "systemctl", "start", "copier" }, job = host.list {} } }
  local _, world = play("log_shipping.remove(db.secondary)", nil, options)
  expect.equal(world.changes[1].row, "command.run")
  expect.equal(world.changes[1].args, { argv = { "systemctl", "stop", "copier" } })
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(world.changes[2].args, { argv = { "systemctl", "start", "copier" } })
  expect.equal(world.changes[2].becomes[secondary],
    { log_shipping = "configured", log_shipping_job = "copier --often" })
end

T["a job that nothing is known by is not ended"] = function()
  local all = facts { reason = "it has no pid_file" }
  all[secondary].log_shipping = nil
  expect_refusal(lab.step(lab.world(all, true), "log_shipping.remove(db.secondary)",
    { site = site() }), "nothing tells whether log shipping into")
end

T["a standby applies by itself what is copied"] = function()
  local _, world = play "log_backups.copy(db.secondary)"
  expect.equal(#world.changes, 1)
  expect.equal(world.changes[1].row, "wal.copy")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", share = "/share",
    destination = "/copied", files = { f27 } })
  expect.equal(world.changes[1].becomes[backups], { copied_lsn = 41900000, pending_bytes = 0,
    applied_lsn = { ["$unknown"] = "lsn" }, applied_time = { ["$unknown"] = "time" } })
end

local function straight()
  local found = site { into_pg_wal = true }
  found.servers.sql3.folder = "/data"
  return found
end

T["log files go straight into the standby's folder where the site says so"] = function()
  local _, world = play("log_backups.copy(db.secondary)", nil, { site = straight() })
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", share = "/share",
    destination = "/copied", data = "/data", files = { f27 } })
  expect.equal(world.changes[1].statement, "copy 1 file from /share to /data/pg_wal, or where that "
    .. "cannot be to /copied, each for sql3 to take at once: " .. f27)
end

T["what an action decides on is looked at once until something is changed"] = function()
  local _, world = play "log_backups.salvage(db.primary)"
  local counts = {}
  for _, resource in ipairs(world.observed) do
    counts[resource] = (counts[resource] or 0) + 1
  end
  expect.equal(counts[secondary], 1)
  expect.equal(counts[backups], 1)
end

T["applying is one wait for the end of the last record, beside its readers"] = function()
  local all = facts { sessions = 3 }
  all[backups].copied_lsn = 41900000
  local world = lab.world(all, true)
  local result = lab.step(world, "log_backups.apply(db.secondary)", { site = site() })
  expect.equal(result.outcome, "changed")
  expect.equal(#world.changes, 1)
  expect.equal(world.changes[1].row, "standby.replay")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", lsn = 41900000 })
  expect.equal(world.changes[1].becomes[backups], { applied_lsn = 41900000,
    applied_time = "2026-11-21T10:01:00.000Z" })
end

T["applying replaces first what was damaged since it was copied"] = function()
  local all = facts()
  all[backups].chain = host.list { (chain[1]:gsub("copied", "differs")),
    (chain[2]:gsub("missing", "copied")) }
  all[backups].copied_lsn = 39845888
  local world = lab.world(all, true)
  local result = lab.step(world, "log_backups.apply(db.secondary)", { site = site() })
  expect.equal(result.outcome, "changed")
  expect.equal(#world.changes, 2)
  expect.equal(world.changes[1].row, "wal.copy")
  expect.equal(world.changes[1].args.files, { f26 })
  expect.equal(world.changes[1].statement, "copy 1 file from /share to /copied, each for sql3 to "
    .. "take at once: " .. f26 .. " (in place of a damaged one)")
  expect.equal(world.changes[2].row, "standby.replay")
end

T["a standby that is held takes nothing"] = function()
  local all = facts { held_by = "its replay is paused" }
  all[backups].copied_lsn = 41900000
  expect_refusal(lab.step(lab.world(all, true), "log_backups.apply(db.secondary)",
    { site = site() }), "takes no log backups: its replay is paused")
end

local recover = "database.recover(db.secondary), point_of_no_return = true"

-- Everything is applied.
local function ready(more)
  local all = facts(more)
  all[secondary].log_shipping = "none"
  all[secondary].lsn = 41900000
  all[backups].applied_lsn, all[backups].copied_lsn = 41900000, 41900000
  all["database:mgc.primary"] = { state = "unreachable" }
  return all
end

T["the timeline of a standby that comes online is foretold"] = function()
  local world = lab.world(ready(), true)
  lab.step(world, recover, { site = site() })
  expect.equal(#world.changes, 2)
  expect.equal(world.changes[1].row, "standby.promote")
  expect.equal(world.changes[1].args.histories, nil)
  expect.equal(world.changes[2].row, "standby.prove")
  expect.equal(world.changes[1].becomes[secondary].fork, "timeline 2")
  expect.equal(world.changes[1].becomes[secondary].recovered_lsn, 41900000)
end

T["readers that came back do not keep it from coming online"] = function()
  local world = lab.world(ready { sessions = 2 }, true)
  expect.equal(lab.step(world, recover, { site = site() }).outcome, "changed")
end

T["a number that a timeline had before is not given again"] = function()
  local all = ready()
  local history = "39000000 39000000 41 - - missing 00000002.history"
  all[backups].timelines = host.list { history }
  local world = lab.world(all, true)
  lab.step(world, recover, { site = site() })
  expect.equal(#world.changes, 2)
  expect.equal(world.changes[1].row, "standby.promote")
  expect.equal(world.changes[1].args.histories, { "00000002.history" })
  expect.equal(world.changes[1].args.share, "/share")
  expect.equal(world.changes[1].becomes[secondary].fork, "timeline 3")
end

T["a timeline that is taken for given up is told at the gate and in the report"] = function()
  local all = ready()
  all[backups].timelines = host.list { "39000000 39000000 41 - - missing 00000002.history" }
  local world = lab.world(all, true)
  lab.body('gate "Now?" { shows = { "data_loss_window" } }\nstep "online" {\n' .. recover .. "\n}",
    { site = site() })
  lab.perform(world, 1)
  local told = "00000002.history (left at LSN 39000000)"
  expect.truthy(table.concat(world.asked[1].stands, "\n"):find("Taken for timelines that were "
    .. "tried and given up: " .. told .. ". If a server works on one of them, this copy becomes a "
    .. "second primary.", 1, true))
  lab.perform(world, 2)
  expect.truthy(world.notes[1].text:find("; taken for timelines that were given up: " .. told, 1,
    true))
  expect.equal(world.notes[1].data.timelines, told)
end

T["settings that would close it are changed first, one by one"] = function()
  local world = lab.world(ready { commits_await = "sql4", refuses_writes = true }, true)
  lab.step(world, recover, { site = site() })
  expect.equal(#world.changes, 4)
  expect.equal(world.changes[1].statement,
    "ALTER SYSTEM SET synchronous_standby_names = '' on sql3, and have it read its settings")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc",
    name = "synchronous_standby_names", value = "" })
  expect.equal(world.changes[2].args, { server = "sql3", database = "mgc",
    name = "default_transaction_read_only", value = "off" })
  expect.equal(world.changes[3].row, "standby.promote")
end

T["as long as it is not online, they can be put back"] = function()
  local world = lab.world(ready { commits_await = "sql4", refuses_writes = true }, true)
  world.play = function(effect)
    return effect.row == "standby.promote" and { outcome = "failed", reason = "no" } or nil
  end
  expect.equal(lab.step(world, recover, { site = site() }).outcome, "failed")
  expect.equal({ world.changes[1].returns, world.changes[2].returns, world.changes[3].returns },
    { true, true })
  expect.equal(world.changes[2].undo, nil)
  expect.equal(world.changes[3].undo, nil)
  local undo = world.changes[1].undo
  expect.equal(undo.before.commits_await, "sql4")
  world.facts[secondary].commits_await, world.facts[secondary].refuses_writes = nil, nil
  local ended = lab.take_back(world, { index = 1, action = 1, undo = undo })
  expect.equal(ended.reason, nil)
  expect.equal(#world.changes, 5)
  expect.equal(world.changes[4].row, "standby.put_back")
  expect.equal(world.changes[4].args.name, "default_transaction_read_only")
  expect.equal(world.changes[5].args, { server = "sql3", database = "mgc",
    name = "synchronous_standby_names", value = "sql4" })
  expect.equal(world.facts[secondary].commits_await, "sql4")
  expect.equal(world.facts[secondary].refuses_writes, true)
end

T["it is not brought online while its log backups are in doubt"] = function()
  local all = ready()
  all[backups].problem, all[backups].problem_text = "gap", f27 .. " is missing"
  local world = lab.world(all, true)
  expect_refusal(lab.step(world, recover, { site = site() }),
    "has not applied is in doubt: " .. f27 .. " is missing")
  expect.equal(#world.changes, 0)
end

T["whether it may come online is asked again right before"] = function()
  local world = lab.world(ready { commits_await = "sql4" }, true)
  world.play = function()
    world.facts["database:mgc.primary"] = { state = "online", writable = true }
  end
  expect_refusal(lab.step(world, recover, { site = site() }),
    "two writable copies must never exist")
  expect.equal(#world.changes, 1)
  expect.equal(world.changes[1].row, "standby.set")
end

T["it is not brought online while what may be its job lives"] = function()
  local all = ready { log_shipping_job = "sleep (command line 12)", reason = "process 7 is sleep" }
  all[secondary].log_shipping = nil
  expect_refusal(lab.step(lab.world(all, true), recover, { site = site() }),
    "is still set up is in doubt: process 7 is sleep")
  all[secondary].log_shipping_job = nil
  expect.equal(lab.step(lab.world(all, true), recover, { site = site() }).outcome, "changed")
end

T["one whose own settings refuse writes is told so"] = function()
  expect_refusal(lab.step(lab.world(ready { state = "online" }, true), recover, { site = site() }),
    "is online, but its own settings refuse writes: change them, then go on")
end

T["what speaks against it is asked before each further attempt"] = function()
  local world = lab.world(ready(), true)
  world.play = function()
    return { outcome = "failed", reason = "no room", error = { code = "io" } }
  end
  world.on_sleep = function()
    world.facts["database:mgc.primary"] = { state = "online", writable = true }
  end
  expect_refusal(lab.step(world, recover .. ", retry = { times = 3 }", { site = site() }),
    "two writable copies must never exist")
  expect.equal(#world.changes, 1)
end

T["it is not brought online where nothing tells which log backups it needs"] = function()
  local all = ready()
  for _, readable in ipairs { true, false } do
    all[backups] = { share_readable = readable }
    expect_refusal(lab.step(lab.world(all, true), recover, { site = site() }),
      "in doubt: nothing tells which of them it needs")
  end
end

T["one on which no commit comes through is not taken for recovered"] = function()
  local world = lab.world(ready { state = "online", writable = true, commits_held_by = "gone" },
    true)
  expect_refusal(lab.step(world, recover, { site = site() }), "its commits wait for gone")
  expect.equal(#world.changes, 0)
end

T["sessions that the role may not end are named before any is ended"] = function()
  local world = lab.world(facts { sessions = 1, sessions_kept = "7 (psql); it needs more" }, true)
  expect_refusal(lab.step(world, "sessions.kill_all(db.secondary)", { site = site() }),
    "may not end its sessions 7 (psql); it needs more")
  expect.equal(#world.changes, 0)
end

T["what closes the database to its clients is told and no reason to refuse"] = function()
  local world = lab.world(ready { closed_by = "ALTER DATABASE mgc SET x=on" }, true)
  local result = lab.step(world, recover, { site = site() })
  expect.equal(result.outcome, "changed")
  expect.equal(world.notes[#world.notes].kind, "warning")
  expect.truthy(world.notes[#world.notes].text:find("are refused writes, as they were before: "
    .. "ALTER DATABASE mgc SET x=on", 1, true))
end

T["without the right to promote it, it is not tried"] = function()
  local world = lab.world(ready {
    rights_missing = "EXECUTE ON FUNCTION pg_promote(boolean,integer)" }, true)
  expect_refusal(lab.step(world, recover, { site = site() }),
    "GRANT EXECUTE ON FUNCTION pg_promote(boolean,integer)")
end

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

return T
