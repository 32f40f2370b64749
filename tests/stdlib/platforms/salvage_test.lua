-- The tail of a dead PostgreSQL server's log: where it is looked for, and how it is salvaged.
local lab = require_module "lab"
local T = {}

local mib = 1 << 20
local tail, secondary, backups = "tail:mgc.primary", "database:mgc.secondary",
  "log_backups:mgc.secondary"

local function site(primary_salvage, mirror_salvage)
  local found = lab.site()
  local mgc = found.databases.mgc
  local roles = { sql1 = "primary", sql2 = "mirror", sql3 = "secondary", sql4 = "secondary_mirror" }
  for server, role in pairs(roles) do
    found.servers[server].platform = "postgresql"
    mgc[role] = { server = server, database = "mgc" }
  end
  mgc.primary.salvage, mgc.mirror.salvage = primary_salvage, mirror_salvage
  mgc.log_shipping = { share = "/share", destination = "/copied", pid_file = "/run/copier" }
  return found
end

local commit = "2026-11-21T10:02:00.000Z 824 39850000"

-- Everything is applied up to where the tail begins.
local function facts(state)
  local all = lab.facts()
  all["database:mgc.primary"] = { state = "unreachable" }
  all[secondary] = { state = "standby", writable = false, database_id = "77", fork = "timeline 1",
    lsn = 39845888, time = "2026-11-21T10:00:00.000Z", sessions = 1,
    session_list = host.list { { pid = 7, program = "reader" } }, log_shipping = "none" }
  all[backups] = { share_readable = true, free_bytes = 1 << 30, chain = host.list {},
    applied_lsn = 39845888, copied_lsn = 39845888, last_lsn = 39845888, pending_bytes = 0,
    problem = "none", problem_text = "", ignored = host.list {} }
  all[tail] = { state = state, first_lsn = 39845888, last_lsn = 39850000, commits = 1,
    commit_list = host.list { commit }, time = "2026-11-21T10:02:00.000Z", reason = "" }
  return all
end

local function salvage(state, ...)
  local world = lab.world(facts(state), true)
  local result = lab.step(world, "log_backups.salvage(db.primary)", { site = site(...) })
  return result, world.changes
end

T["the tail is handed over and replayed, beside the readers of the standby"] = function()
  local result, changes = salvage("available", "/rescued/data")
  expect.equal(result.outcome, "changed")
  expect.equal(#changes, 2)
  expect.equal(changes[1].row, "wal.salvage")
  expect.equal(changes[1].args, { salvage = { "/rescued/data" }, destination = "/copied",
    share = "/share", server = "sql3", database = "mgc", after_lsn = 39845888,
    last_lsn = 39850000 })
  expect.equal(changes[1].statement, "salvage 1 commit (LSN 39845888–39850000) from the log in "
    .. "/rescued/data into /copied")
  expect.equal(changes[2].row, "standby.replay")
  expect.equal(changes[2].args, { server = "sql3", database = "mgc", lsn = 39850000 })
end

T["what was handed over before is replayed only"] = function()
  local result, changes = salvage("salvaged", "/rescued/data")
  expect.equal(result.outcome, "changed")
  expect.equal(#changes, 1)
  expect.equal(changes[1].row, "standby.replay")
end

T["the disk of the mirror counts as well"] = function()
  local _, changes = salvage("available", "/rescued/data", "/rescued/mirror")
  expect.equal(changes[1].args.salvage, { "/rescued/data", "/rescued/mirror" })
  _, changes = salvage("available", nil, "/rescued/mirror")
  expect.equal(changes[1].args.salvage, { "/rescued/mirror" })
end

T["where it cannot be read, that is said"] = function()
  for state, words in pairs { unavailable = "cannot be read", damaged = "is damaged" } do
    local result, changes = salvage(state, "/rescued/data")
    expect.equal(result.outcome, "refused")
    expect.truthy(result.reason:find(words, 1, true), result.reason)
    expect.equal(#changes, 0)
  end
end

T["without room for it nothing is begun"] = function()
  local all = facts "available"
  all[backups].free_bytes = 4000
  local world = lab.world(all, true)
  local result = lab.step(world, "log_backups.salvage(db.primary)",
    { site = site "/rescued/data" })
  expect.equal(result.outcome, "refused")
  expect.truthy(result.reason:find("no room in /copied for the tail of the log: 4.0 KiB (4112 "
    .. "bytes) are needed, 3.9 KiB (4000 bytes) are free", 1, true), result.reason)
  expect.equal(#world.changes, 0)
end

-- Brings the secondary online as it is; gives the note about the loss.
local function loss(all)
  local world = lab.world(all, true)
  all[secondary].sessions, all[secondary].session_list = 0, host.list {}
  local result = lab.step(world, "database.recover(db.secondary), point_of_no_return = true",
    { site = site "/rescued/data" })
  expect.equal(result.outcome, "changed")
  for _, note in ipairs(world.notes) do
    if note.kind == "loss" then
      return note, world.changes
    end
  end
end

T["what was not salvaged is listed commit by commit, and counted before clients come"] = function()
  local all = facts "available"
  all["sql:mgc.known"], all["sql:mgc.kept"] = { count = 1100 }, { count = 1000 }
  local note = loss(all)
  expect.equal(note.data.lost_commits, { commit })
  expect.equal({ note.data.kept, note.data.lost }, { 1000, 100 })
  expect.truthy(note.text:find("not in it: 1 commit in the log of the old primary, of "
    .. "2026-11-21 10:02:00.000 UTC", 1, true), note.text)
  expect.truthy(note.text:find("1,000 of 1,100 committed messages are in the new primary, 100 are "
    .. "lost", 1, true), note.text)
end

T["a longer list is put into the journal once the copy is online, in parts"] = function()
  local all = facts "available"
  all[tail].commits = 250000
  local note, changes = loss(all)
  expect.equal(#changes, 4)
  expect.equal({ changes[2].row, changes[3].row, changes[4].row },
    { "standby.prove", "wal.commits", "wal.commits" })
  expect.equal(changes[3].args, { salvage = { "/rescued/data" }, destination = "/copied",
    share = "/share", server = "sql3", database = "mgc", from = 0 })
  expect.equal(changes[4].args.from, 200000)
  expect.truthy(note.text:find("not in it: 250,000 commits in the log of the old primary", 1, true),
    note.text)
  expect.truthy(note.text:find("the first 1 are in lost_commits", 1, true), note.text)
end

T["transactions that were prepared are told apart"] = function()
  local all = facts "available"
  all[tail].prepared = 2
  expect.truthy(loss(all).text:find("10:02:00.000 UTC and 2 prepared transactions", 1, true))
  all = facts "available"
  all[tail].commits, all[tail].commit_list, all[tail].prepared = 0, host.list {}, 1
  expect.truthy(loss(all).text:find("not in it: 1 prepared transaction", 1, true))
end

T["of a log with a hole, what can be read is the least that is lost"] = function()
  local all = facts "available"
  all[tail].reason = "the record at LSN 39850000 is not whole"
  local note = loss(all)
  expect.truthy(note.text:find("not in it: at least 1 commit in the log", 1, true), note.text)
end

T["what was salvaged is not lost"] = function()
  local all = facts "salvaged"
  all[secondary].lsn = all[tail].last_lsn
  all[backups].applied_lsn, all[backups].last_lsn = all[tail].last_lsn, all[tail].last_lsn
  expect.equal(loss(all).data.lost_commits, nil)
end

local function answer(columns)
  local names, values = host.list {}, host.list {}
  for name, value in pairs(columns) do
    names[#names + 1], values[#values + 1] = name, value
  end
  return { ok = true, value = { columns = names, rows = host.list { values } } }
end

local silence = { ok = false, error = { code = "unreachable",
  message = 'connection to server at "sql1", port 5432 failed: Connection refused' } }

local found_tail = { state = "available", first_lsn = 0x2600000, last_lsn = 0x2601010, commits = 1,
  time = "2026-11-21T10:02:00.000Z", reason = "" }

-- Observes the tail; the secondary gives `row`, the primary `life`. Returns what `wal.tail` was
-- asked as well.
local function observe(row, life, options)
  local asked
  local columns = { restoring = 1, system = "77", timeline = 1, lsn = 0x2600000, streams = 0,
    read_only = 0, segment = mib, paused = 0, delay_ms = 0, restore_command = "cp",
    commits_await = "" }
  for key, value in pairs(row or {}) do
    columns[key] = value
  end
  lab.body("", { site = options or site "/rescued/data" })
  local facts_of_tail = drive(function()
    return lab.host.observe { resource = tail }
  end, function(effect)
    if effect.row == "wal.tail" then
      asked = effect.args
      return { ok = true, value = found_tail }
    elseif effect.row == "sql.query" and effect.args.server == "sql1" then
      return life or silence
    elseif effect.row == "sql.query" then
      return row == false and silence or answer(columns)
    elseif effect.row == "folder.list" then
      return { ok = true, value = { exists = true, parent = true, free_bytes = 1,
        files = host.list {} } }
    elseif effect.row == "wal.end" then
      return { ok = true, value = { lsn = 0x2600000, time = "", whole = true, reason = "" } }
    end
    return { ok = false, error = { code = "not_found", message = "no answer" } }
  end)
  return facts_of_tail, asked
end

T["it is looked for behind what was shipped, in the log that the standby follows"] = function()
  local found, asked = observe()
  expect.equal(found.state, "available")
  expect.equal(found.commits, 1)
  expect.equal(asked, { salvage = { "/rescued/data" }, destination = "/copied", share = "/share",
    timeline = 1, segment = mib, system = "77", after_lsn = 0x2600000 })
end

T["a mirror's disk is told from the primary's"] = function()
  local _, asked = observe(nil, nil, site("/rescued/data", "/rescued/mirror"))
  expect.equal(asked.salvage, { "/rescued/data", "/rescued/mirror" })
  expect.equal(asked.mirrors, 1)
  _, asked = observe(nil, nil, site(nil, "/rescued/mirror"))
  expect.equal(asked.mirrors, 1)
end

T["of a secondary that is online, behind where it has left that log"] = function()
  local _, asked = observe { restoring = 0, timeline = 3,
    history = "1\t0/2000000\tbefore\n\n2\t0/2700028\tno recovery target specified\n" }
  expect.equal(asked.timeline, 2)
  expect.equal(asked.after_lsn, 0x2700028)
  expect.equal(asked.parted, true)
  expect.equal(observe { restoring = 0 }.state, "unavailable")
end

T["a primary that answers, or refuses to, has no tail"] = function()
  local found = observe(nil, answer { one = 1 })
  expect.equal(found.state, "unavailable")
  expect.equal(found.reason, "the server is not dead: it answers")
  found = observe(nil, { ok = false, error = { code = "sql",
    message = "FATAL: the database system is starting up" } })
  expect.equal(found.state, "unavailable")
end

T["one that lacks the database answers too, and so does a mirror whose disk is used"] = function()
  local found = observe(nil, { ok = false, error = { code = "sql",
    message = 'FATAL: database "mgc" does not exist' } })
  expect.equal(found.state, "unavailable")
  found = observe(nil, nil, site("/rescued/data", "/rescued/mirror"))
  expect.equal(found.state, "unavailable")
  expect.equal(found.reason, "the server of the mirror is not dead: it answers")
end

T["without a place or a secondary to ask, it is not known"] = function()
  expect.equal(observe(nil, nil, site()).reason,
    "the site names no place where its disk can be read")
  local found, asked = observe(false)
  expect.equal(found.state, "unavailable")
  expect.equal(asked, nil)
end

return T
