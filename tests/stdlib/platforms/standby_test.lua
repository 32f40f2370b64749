-- What is done to a log-shipped standby of PostgreSQL, and what brings it online.
local lab = require_module "lab"
local standby_site = require_module "standby_site"
local T = {}

local mib = 1 << 20
local secondary, backups = "database:mgc.secondary", "log_backups:mgc.secondary"
local f26, f27 = "000000010000000000000026", "000000010000000000000027"

local site, straight = standby_site.site, standby_site.straight

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
  expect.equal(world.changes[1].row, "process.end")
  expect.equal(world.changes[1].args, { pid_file = "/run/copier", program = "copier --often",
    argv = { "systemctl", "stop", "copier" } })
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(world.changes[2].row, "process.begin")
  expect.equal(world.changes[2].args, { argv = { "systemctl", "start", "copier" },
    pid_file = "/run/copier", program = "copier --often" })
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

T["an order to come online is one to the server that was seen; a row settles it"] = function()
  local world = lab.world(ready { serving_since = "2026-11-21T10:00:00.000001Z" }, true)
  lab.step(world, recover, { site = site() })
  expect.equal(world.changes[1].bound, { since = "2026-11-21T10:00:00.000001Z" })
  expect.equal(world.changes[1].settles, "standby.order")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc" })
  expect.equal(world.changes[2].settles, nil)
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

T["what is in the way is asked last, and once where nothing has to be changed before"] = function()
  local world, asked = lab.world(ready(), true), nil
  world.play = function(effect, self)
    asked = asked or effect.row == "standby.promote" and table.concat(self.observed, " ") or nil
  end
  expect.equal(lab.step(world, recover, { site = site() }).outcome, "changed")
  local _, primaries = asked:gsub("database:mgc.primary", "")
  expect.equal(primaries, 1)
  expect.truthy(asked:match("tail:mgc.primary.*database:mgc.primary"), asked)
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

T["why its folder cannot be looked at is told where it is needed"] = function()
  local world = lab.world(facts { log_shipping = "none" }, true)
  world.facts[backups] = { share_readable = true, problem_text = "permission denied: '/copied'" }
  expect_refusal(lab.step(world, "log_backups.apply(db.secondary)", { site = site() }),
    "needs cannot be told: permission denied: '/copied'")
  expect_refusal(lab.step(world, recover, { site = site() }),
    "is in doubt: permission denied: '/copied'")
end

return T
