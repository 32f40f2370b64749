-- The shipped failover, played from the facts of a lost data centre to the end.
local lab = require_module "lab"
local T = {}

local source = host.module "failover"

local function load(options)
  local loaded = lab.load(source, options)
  expect.equal(lab.errors(loaded), host.list {})
  return loaded
end

local statements = {
  "end log shipping into /site/sql3/mgc.db, once a running copy or apply has ended",
  "copy 2 log backups (LSN 110–130) from /site/backups to /site/copied: "
    .. "mgc_00000000000000000120.blog (LSN 110–120), mgc_00000000000000000130.blog (LSN 120–130)",
  "apply 3 log backups (LSN 100–130) to /site/sql3/mgc.db in order: "
    .. "mgc_00000000000000000110.blog (LSN 100–110), mgc_00000000000000000120.blog (LSN 110–120), "
    .. "mgc_00000000000000000130.blog (LSN 120–130)",
  "salvage 4 commits (LSN 130–137) from the log of /rescued/sql1/mgc.db into /site/copied",
  "apply 1 log backup (LSN 130–137) to /site/sql3/mgc.db in order: "
    .. "mgc_00000000000000000137.blog (LSN 130–137)",
  "end 2 sessions on /site/sql3/mgc.db: 41 (sqlite3), 42 (report)",
  "bring /site/sql3/mgc.db online, on a new recovery fork",
  [[UPDATE "pool" SET state = 'FailedOver', active_servers = 'fe1,fe2', version = version + 1 ]]
    .. [[WHERE name = 'chat' AND state = 'Normal' AND version = 7]],
  "clone /site/sql3/mgc.db to /site/sql4/mgc.db as its mirror",
  "ship every commit of /site/sql3/mgc.db to /site/sql4/mgc.db from now on",
  [[UPDATE "pool" SET state = 'FailedOver', active_servers = 'fe3,fe4', version = version + 1 ]]
    .. [[WHERE name = 'chat' AND state = 'FailedOver' AND version = 8]],
}

T["every step is performed with exactly these statements"] = function()
  local world = lab.world()
  local outcomes, last = lab.run(world, load())
  expect.equal(last.reason, nil)
  expect.equal(outcomes, host.list { "kept", "kept", "kept", "kept", "changed", "changed",
    "changed", "changed", "changed", "kept", "changed", "changed", "changed", "changed", "kept" })
  expect.equal(world:statements(), statements)
end

T["the rehearsal has the same statements as the run"] = function()
  local live, twin = lab.world(), lab.world(nil, true)
  local loaded = load()
  lab.run(twin, loaded)
  lab.run(live, loaded)
  expect.equal(twin:statements(), live:statements())
  for index, change in ipairs(live.changes) do
    expect.equal(twin.changes[index].args, change.args)
    expect.equal(twin.changes[index].row, change.row)
  end
end

T["the end is the site as the procedure wants it"] = function()
  local world = lab.world()
  lab.run(world, load())
  expect.equal(world.facts["database:mgc.secondary"].state, "online")
  expect.equal(world.facts["database:mgc.secondary"].lsn, 137)
  expect.equal(world.facts["database:mgc.secondary_mirror"].fork, "f2")
  expect.equal(world.facts["mirror:mgc.secondary_mirror"].state, "following")
  expect.equal(world.facts["pool:chat"], { state = "FailedOver",
    active_servers = host.list { "fe3", "fe4" }, version = 9 })
end

local secondary = "database:mgc.secondary"

-- What is there once clients have found the new primary, and the clock of the log has gone on.
local function open_to_clients(world)
  local facts = world.facts[secondary]
  if facts.state == "online" then
    facts.sessions, facts.lsn = 2, facts.lsn + 50
    facts.session_list = host.list { { pid = 77, program = "chat" },
      { pid = 78, program = "chat" } }
    world.facts["sql:mgc.known"].count = world.facts["sql:mgc.known"].count + 10
    world.facts["sql:mgc.kept"].count = world.facts["sql:mgc.kept"].count + 10
  end
end

-- A world in which the failover was stopped after an item.
local function stopped_after(last)
  local world = lab.world()
  for index = 1, last do
    lab.perform(world, index)
  end
  return world
end

local function loss_of(world)
  local found
  for _, note in ipairs(world.notes) do
    found = note.kind == "loss" and note or found
  end
  return found
end

-- The facts that make up the end of a failover.
local function ending(world)
  local facts = world.facts
  return { facts[secondary].state, facts[secondary].writable, facts[secondary].recovered_lsn,
    facts["database:mgc.secondary_mirror"].state, facts["mirror:mgc.secondary_mirror"].state,
    facts["mirror:mgc.secondary_mirror"].principal, facts["pool:chat"] }
end

T["done twice, all of it is kept, and its clients stay"] = function()
  local loaded = load()
  local world = stopped_after(#loaded.runbook.items)
  local before, asked = #world.changes, #world.asked
  open_to_clients(world)
  local outcomes = lab.run(world, loaded)
  for index = 1, #loaded.runbook.items do
    expect.equal(outcomes[index], "kept")
  end
  expect.equal(#world.changes, before)
  expect.equal(#world.asked, asked)
end

for last = 4, 14 do
  T[("stopped after item %d, it is finished by running it again"):format(last)] = function()
    local loaded = load()
    local undisturbed, world = stopped_after(15), stopped_after(last)
    local before = #world.changes
    open_to_clients(world)
    local twin = lab.world(lab.copy(world.facts), true)
    local _, planned = lab.run(twin, loaded)
    local _, done = lab.run(world, loaded)
    expect.equal({ planned.outcome, done.outcome }, { "kept", "kept" })
    expect.equal(ending(world), ending(undisturbed))
    expect.equal(#world.changes, #statements)
    for index = before + 1, #world.changes do
      expect.equal(world.changes[index].statement, twin.changes[index - before].statement)
    end
    local loss, wanted = loss_of(world).data, loss_of(undisturbed).data
    for _, key in ipairs { "applied_lsn", "applied_time", "known_lsn", "known_time" } do
      expect.equal(loss[key], wanted[key])
    end
    expect.equal({ loss.kept, loss.lost }, last < 11 and { wanted.kept, wanted.lost } or {})
  end
end

T["nothing is touched after the point of no return that is not left to do"] = function()
  local loaded = load()
  local world = stopped_after(11)
  local before = #world.changes
  open_to_clients(world)
  lab.run(world, loaded)
  local rows = host.list {}
  for index = before + 1, #world.changes do
    rows[#rows + 1] = world.changes[index].row
  end
  expect.equal(rows, host.list { "pools.update", "mirrors.install", "mirrors.follow",
    "pools.update" })
end

T["what is kept since an earlier run says why"] = function()
  load()
  local world = stopped_after(11)
  open_to_clients(world)
  local since = "the secondary of mgc on sql3 (/site/sql3/mgc.db) is online since LSN 137"
  local wanted = { [1] = since .. ", on a recovery fork of its own",
    [3] = since .. ": it needs no log backup", [4] = since .. ": it needs no log backup",
    [6] = since .. ": log backups are not applied to it any more",
    [7] = since .. ": log backups are not applied to it any more",
    [8] = since .. ": the tail was salvaged and applied before",
    [9] = "the secondary of mgc on sql3 (/site/sql3/mgc.db) is online already: its sessions are "
      .. "those of its clients",
    [10] = since .. ", the last that is known of: there is nothing left to approve" }
  for index = 1, 11 do
    local result = lab.perform(world, index)
    expect.equal({ result.outcome, result.reason }, { "kept", wanted[index] })
  end
  expect.equal(loss_of(world).text, "The secondary of mgc on sql3 (/site/sql3/mgc.db) is online: "
    .. "last applied LSN 137 (2024-05-01 10:03:30 UTC) of last known LSN 137 (2024-05-01 10:03:30 "
    .. "UTC); 100,258 messages are in it now, with what was written since then; how many of "
    .. "100,260 committed messages are lost can no longer be counted")
end

T["a tail that did not get in is told again, and skipped as too late"] = function()
  load()
  local world = lab.world()
  world.facts["tail:mgc.primary"].state = "damaged"
  world.facts["tail:mgc.primary"].reason = "bad checksum"
  for index = 1, 11 do
    lab.perform(world, index)
  end
  local first = loss_of(world).data
  world.facts["tail:mgc.primary"] = { state = "too_late", first_lsn = 130, last_lsn = 137,
    commits = 4, time = lab.facts()["tail:mgc.primary"].time }
  local result = lab.perform(world, 8)
  expect.equal({ result.outcome, result.reason }, { "skipped",
    "the secondary of mgc on sql3 (/site/sql3/mgc.db) is online since LSN 130: 4 commits (LSN "
    .. "130–137) in the log of the primary of mgc on sql1 (/site/sql1/mgc.db) cannot be applied to "
    .. "it any more" })
  world.facts["tail:mgc.primary"].commits = 0
  expect.truthy(lab.perform(world, 8).reason:find("went on to LSN 137 without it", 1, true))
  lab.perform(world, 11)
  expect.equal(loss_of(world).data, first)
  expect.equal({ first.applied_lsn, first.known_lsn }, { 130, 137 })
  world.facts["tail:mgc.primary"] = { state = "unavailable", reason = "the disk is gone" }
  expect.equal(lab.perform(world, 8).outcome, "skipped")
end

T["which log backups there are is learned after the primary was looked at"] = function()
  load()
  local world = stopped_after(10)
  world.observed, world.alone = {}, {}
  expect.equal(lab.perform(world, 11).outcome, "changed")
  expect.equal(world.alone, { "tail:mgc.primary" })
  local order = {}
  for index, resource in ipairs(world.observed) do
    order[resource] = order[resource] or index
  end
  expect.truthy(order["tail:mgc.primary"] < order["database:mgc.primary"])
  expect.truthy(order["database:mgc.primary"] < order["log_backups:mgc.secondary"])
end

T["what clients write while it is being counted does not hide a loss"] = function()
  load()
  local world = stopped_after(10)
  world.play = function(change, w)
    w:believe(change.becomes)
    if change.row == "logs.recover" then
      w.facts[secondary].lsn, w.facts["sql:mgc.kept"].count = 150, 100250
    end
    return { outcome = "changed", result = {}, facts = lab.copy(w.facts[change.resource]) }
  end
  expect.equal(lab.perform(world, 11).outcome, "changed")
  local loss = loss_of(world)
  expect.equal({ loss.data.known, loss.data.kept, loss.data.lost }, { 100250 })
  expect.truthy(loss.text:find("can no longer be counted", 1, true))
end

-- A secondary that somebody brought online at LSN 100, three log backups and a tail ago.
local function opened_before(more)
  local facts = lab.facts()
  local copy = facts[secondary]
  copy.state, copy.writable, copy.fork, copy.lsn = "online", true, "f2", 180
  copy.recovered_lsn, copy.recovered_time, copy.log_shipping = 100, copy.time, "none"
  facts["tail:mgc.primary"].state = "too_late"
  facts["sql:mgc.kept"] = { reachable = true, count = 104000 }
  for resource, values in pairs(more or {}) do
    for key, value in pairs(values) do
      facts[resource][key] = value
    end
  end
  return lab.world(facts)
end

T["a copy brought online before the last commits is not passed over in silence"] = function()
  local loaded = load()
  local world = opened_before()
  local outcomes, last = lab.run(world, loaded)
  expect.equal({ #outcomes, outcomes[10], last.outcome }, { 15, "kept", "kept" })
  expect.equal(#world.asked, 1)
  expect.equal(world.asked[1].lines, host.list {
    "The secondary of mgc on sql3 (/site/sql3/mgc.db) is online since LSN 100 (2024-05-01 10:00:00 "
      .. "UTC), on a recovery fork of its own: no log backup can be applied to it any more.",
    "The last commit that is known of is LSN 137 (2024-05-01 10:03:30 UTC), in the log of the dead "
      .. "primary: 37 LSNs over 3 min 30 s are lost.",
    "What the log backups hold up to LSN 130 can still be saved, but only into a copy that has not "
      .. "left their recovery fork: whoever wants that answers no.",
    "The old primary's log can be read, but what it holds came too late for this copy.",
    "104,000 messages are in it now, with what was written since then; how many of 100,250 "
      .. "committed messages are lost can no longer be counted.",
    "mgccomp is not failed over. Rows not yet adapted stay on the old primary. Its backlog cannot "
      .. "be counted while its server is down.",
  })
  expect.equal(#world.asked[1].stands, 4)
  expect.equal({ loss_of(world).data.applied_lsn, loss_of(world).data.known_lsn }, { 100, 137 })
end

T["a no over stale data leaves the pool as it is"] = function()
  local loaded = load()
  local world = opened_before()
  world.says = "no"
  local outcomes, last = lab.run(world, loaded)
  expect.equal({ #outcomes, last.outcome }, { 10, "refused" })
  expect.equal(world.changes, {})
  expect.equal(world.facts["pool:chat"].state, "Normal")
end

-- What keeps it from being certain that nothing is lost, and what the gate then says of it.
local doubts = {
  ["the disk of the primary cannot be read"] = { "The disk of the old primary cannot be read",
    ["tail:mgc.primary"] = { state = "unavailable" } },
  ["the log of the primary is damaged"] = { "The log of the old primary is damaged",
    ["tail:mgc.primary"] = { state = "damaged" } },
  ["the share cannot be read"] = { "The backup share cannot be read",
    ["log_backups:mgc.secondary"] = { share_readable = false } },
  ["the log backups break off"] = { "cannot be followed beyond that: 'x.blog' is damaged.",
    ["log_backups:mgc.secondary"] = { problem = "damaged", problem_text = "'x.blog' is damaged" } },
}

for name, doubt in pairs(doubts) do
  T["it is asked again when " .. name] = function()
    load()
    local world = opened_before { ["tail:mgc.primary"] = { state = "empty", last_lsn = 100 },
      ["log_backups:mgc.secondary"] = { last_lsn = 100 } }
    expect.equal(lab.perform(world, 10).outcome, "kept")
    expect.equal(world.asked, {})
    for resource, values in pairs(doubt) do
      for key, value in pairs(resource ~= 1 and values or {}) do
        world.facts[resource][key] = value
      end
    end
    lab.perform(world, 10)
    expect.truthy(table.concat(world.asked[1].lines, "\n"):find(doubt[1], 1, true))
    expect.truthy(not world.asked[1].lines[2]:find("has been applied", 1, true)
      == (name:find("primary") == nil))
  end
end

T["log backups that come too late are named, and nothing is done with them"] = function()
  local loaded = load()
  local world = stopped_after(11)
  local before = #world.changes
  local backups = world.facts["log_backups:mgc.secondary"]
  backups.last_lsn, backups.last_time = 150, "2024-05-01T10:04:00Z"
  backups.pending_bytes, backups.free_bytes = 1000, 0
  world.facts["log_chain:mgc.secondary"].problem = "gap"
  local asked = #world.asked
  local outcomes = lab.run(world, loaded)
  expect.equal(#world.asked, asked + 1)
  expect.equal({ outcomes[3], outcomes[6], outcomes[7], outcomes[11], outcomes[15] },
    { "kept", "skipped", "skipped", "kept", "kept" })
  expect.truthy(lab.perform(world, 7).reason:find("any more; those up to LSN 150 came too late", 1,
    true))
  expect.equal({ loss_of(world).data.applied_lsn, loss_of(world).data.known_lsn }, { 137, 150 })
  backups.problem, backups.problem_text = "damaged", "'x.blog' is damaged"
  local damaged = "; of those that came later, 'x.blog' is damaged"
  local result = lab.perform(world, 6)
  expect.truthy(result.reason:find("up to LSN 150 came too late" .. damaged, 1, true))
  backups.last_lsn = 137
  expect.truthy(lab.perform(world, 6).reason:find("any more" .. damaged, 1, true))
  expect.equal(#world.changes, before + 4)
end

T["a recovery that was stopped in the middle is completed"] = function()
  local loaded = load()
  local world = stopped_after(10)
  local facts = world.facts[secondary]
  facts.recovered_lsn, facts.recovered_time = facts.lsn, facts.time
  local before = #world.changes
  local _, last = lab.run(world, loaded)
  expect.equal(last.outcome, "kept")
  expect.equal(world.changes[before + 1].row, "logs.recover")
  expect.equal(#world.asked, 2)
  expect.equal(loss_of(world).data.applied_lsn, 137)
  expect.truthy(loss_of(world).text:find("committed messages are in the new primary", 1, true))
end

T["a recovery that was stopped in the middle has not brought anything online"] = function()
  load()
  local world = stopped_after(10)
  world.facts[secondary].recovered_lsn = 137
  local result = lab.perform(world, 4)
  expect.equal({ result.outcome, result.reason }, { "kept", "the secondary of mgc on sql3 "
    .. "(/site/sql3/mgc.db) has left its recovery fork at LSN 137: it needs no log backup" })
  world.facts[secondary].lsn = 140
  lab.perform(world, 10)
  expect.truthy(world.asked[2].lines[1]:find("comes online at LSN 137 ", 1, true))
end

T["another fork is a danger when the secondary is online too"] = function()
  local loaded = load()
  local world = stopped_after(11)
  world.facts["log_chain:mgc.secondary"].problem = "foreign_fork"
  world.facts["log_chain:mgc.secondary"].problem_text = "'x.blog' is of another fork"
  local before = #world.changes
  local outcomes, last = lab.run(world, loaded)
  expect.equal({ #outcomes, last.outcome, #world.changes }, { 3, "refused", before })
  expect.truthy(last.reason:find("'x.blog' is of another fork", 1, true))
end

T["another fork in the middle of a recovery is a danger still"] = function()
  local loaded = load()
  local world = stopped_after(10)
  world.facts[secondary].recovered_lsn = 137
  world.facts["log_chain:mgc.secondary"].problem = "foreign_fork"
  world.facts["log_chain:mgc.secondary"].problem_text = "'x.blog' is of another fork"
  local outcomes, last = lab.run(world, loaded)
  expect.equal({ #outcomes, last.outcome }, { 3, "refused" })
  expect.truthy(last.reason:find("'x.blog' is of another fork", 1, true))
end

T["a secondary that is online on the fork of its primary is refused as ever"] = function()
  local world = lab.world()
  world.facts[secondary].state, world.facts[secondary].writable = "online", true
  local outcomes, last = lab.run(world, load())
  expect.equal(outcomes, host.list { "refused" })
  expect.equal(last.reason, "the secondary of mgc on sql3 (/site/sql3/mgc.db) is online, wanted "
    .. "restoring or standby; the secondary of mgc on sql3 (/site/sql3/mgc.db) was not brought "
    .. "online on a recovery fork of its own")
end

T["while the primary answers, a second run is refused as well"] = function()
  local loaded = load()
  local world = stopped_after(12)
  local before = #world.changes
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  local outcomes, last = lab.run(world, loaded)
  expect.equal(outcomes, host.list { "kept", "refused" })
  expect.truthy(last.reason:find("Two writable copies", 1, true))
  expect.equal(#world.changes, before)
end

T["the gate shows the data loss window in plain words"] = function()
  local world = lab.world()
  world.facts["tail:mgc.primary"] = { state = "unavailable", reason = "no disk" }
  lab.run(world, load())
  expect.equal(world.asked[1].title, "Bring the database online?")
  expect.equal(world.asked[1].lines, host.list {
    "The secondary of mgc on sql3 (/site/sql3/mgc.db) comes online at LSN 130 "
      .. "(2024-05-01 10:03:00 UTC).",
    "Nothing later is known of: every log backup up to LSN 130 (2024-05-01 10:03:00 UTC) has been "
      .. "applied.",
    "The disk of the old primary cannot be read: what it committed after its last log backup is "
      .. "lost.",
    "100,250 messages were acknowledged to clients; how many of them are here is counted when it "
      .. "is online.",
    "mgccomp is not failed over. Rows not yet adapted stay on the old primary. Its backlog cannot "
      .. "be counted while its server is down.",
  })
end

T["the gate tells what has become of the tail"] = function()
  local function tail_line(facts)
    local world = lab.world()
    lab.body('gate "go?" { shows = { "data_loss_window" } }\nstep "r" { '
      .. "database.recover(db.secondary), point_of_no_return = true }")
    for resource, values in pairs(facts) do
      for key, value in pairs(values) do
        world.facts[resource][key] = value
      end
    end
    lab.perform(world, 1)
    return world.asked[1].lines[2], world.asked[1].lines[3]
  end
  local lost, words = tail_line {}
  expect.equal(lost, "The last commit that is known of is LSN 137 (2024-05-01 10:03:30 UTC), in "
    .. "the log of the dead primary: 37 LSNs over 3 min 30 s will be lost.")
  expect.equal(words, "The old primary's log can be read, but what it holds has not been salvaged.")
  lost, words = tail_line { ["tail:mgc.primary"] = { state = "salvaged" } }
  expect.truthy(lost:find("37 LSNs", 1, true))
  expect.equal(words, "The tail of the old primary's log has been salvaged, but it is not applied.")
  lost, words = tail_line { ["tail:mgc.primary"] = { state = "salvaged" },
    ["database:mgc.secondary"] = { lsn = 137, time = "2024-05-01T10:03:30Z" } }
  expect.truthy(lost:find("Nothing later is known of", 1, true))
  expect.equal(words, "The tail of the old primary's log has been salvaged and applied.")
end

T["the loss is told exactly, and what stays behind"] = function()
  local world = lab.world()
  lab.run(world, load())
  expect.equal(world.notes[1].kind, "loss")
  expect.equal(world.notes[1].text, "The secondary of mgc on sql3 (/site/sql3/mgc.db) is online: "
    .. "last applied LSN 137 (2024-05-01 10:03:30 UTC) of last known LSN 137 (2024-05-01 10:03:30 "
    .. "UTC); 100,248 of 100,250 committed messages are in the new primary, 2 are lost")
  expect.equal(world.notes[1].data, { applied_lsn = 137, applied_time = "2024-05-01T10:03:30Z",
    known_lsn = 137, known_time = "2024-05-01T10:03:30Z", known = 100250, kept = 100248, lost = 2 })
  expect.equal(world.notes[2].kind, "warning")
  expect.truthy(world.notes[2].text:find("mgccomp is not failed over", 1, true))
end

T["a rehearsal says that the loss is counted later"] = function()
  local world = lab.world(nil, true)
  lab.run(world, load())
  expect.truthy(world.notes[1].text:find("how many of 100,250 committed messages are in it is "
    .. "counted once it is online", 1, true))
end

T["counts that cannot be read are said as such"] = function()
  local world = lab.world()
  world.facts["sql:mgc.known"] = { reachable = false, reason = "no route to clients" }
  lab.run(world, load())
  expect.truthy(world.notes[1].text:find("how many messages were acknowledged cannot be read: no "
    .. "route to clients", 1, true))
end

-- Each fault, the item at which it is refused and what the reason must name.
local faults = {
  ["while the primary answers"] = { item = 2, named = { "sql1", "/site/sql1/mgc.db", "online" },
    ["database:mgc.primary"] = { state = "online", writable = true } },
  ["while the mirror answers"] = { item = 2, named = { "sql2", "/site/sql2/mgc.db" },
    ["database:mgc.mirror"] = { state = "mirror" } },
  ["when the chain has a gap"] = { item = 3, named = { "gap", "x.blog", "120", "130" },
    ["log_chain:mgc.secondary"] = { problem = "gap",
      problem_text = "log backups of LSN 120 to 130 are missing after 'x.blog'" } },
  ["when a backup is damaged"] = { item = 3, named = { "damaged", "y.blog" },
    ["log_chain:mgc.secondary"] = { problem = "damaged", problem_text = "'y.blog' is damaged" } },
  ["when a backup is of a foreign fork"] = { item = 3, named = { "foreign fork", "z.blog" },
    ["log_chain:mgc.secondary"] = { problem = "foreign_fork", problem_text = "'z.blog'" } },
  ["when the share cannot be read"] = { item = 3, named = { "/site/backups" },
    ["log_chain:mgc.secondary"] = { share_readable = false } },
  ["when the destination is full"] = { item = 4,
    named = { "/site/copied", "2000 bytes", "1999 bytes" },
    ["log_backups:mgc.secondary"] = { free_bytes = 1999 } },
  ["when the secondary is not restoring"] = { item = 1, named = { "sql3", "missing" },
    ["database:mgc.secondary"] = { state = "missing" } },
}

for name, fault in pairs(faults) do
  T["nothing is changed " .. name] = function()
    local world = lab.world()
    for resource, facts in pairs(fault) do
      for key, value in pairs(resource:find(":") and facts or {}) do
        world.facts[resource][key] = value
      end
    end
    local outcomes, last = lab.run(world, load())
    expect.equal(#outcomes, fault.item)
    expect.equal(last.outcome, "refused")
    expect.equal(world.changes, {})
    for _, part in ipairs(fault.named) do
      expect.truthy(last.reason:find(part, 1, true), last.reason .. " does not name " .. part)
    end
  end
end

T["a dead disk skips the salvage with its reason"] = function()
  local world = lab.world()
  world.facts["tail:mgc.primary"] = { state = "unavailable", reason = "the disk is gone" }
  load()
  local result
  for index = 1, 8 do
    result = lab.perform(world, index)
  end
  expect.equal(result.outcome, "skipped")
  expect.equal(result.reason, "the disk of the primary of mgc on sql1 "
    .. "(/site/sql1/mgc.db) cannot be read: the disk is gone")
end

T["the listing holds what a reviewer needs"] = function()
  local items = load().runbook.items
  expect.equal(#items, 15)
  local shipping = items[5]
  expect.equal({ shipping.kind, shipping.title, shipping.line },
    { "step", "Remove log shipping", 33 })
  expect.equal(shipping.actions, host.list { { primitive = "log_shipping.remove",
    resource = "database:mgc.secondary", line = 33, undo = "automatic", label = "modelled" } })
  expect.equal(items[6].actions[1].harmless, "log shipping would have copied them anyway")
  expect.equal(items[8].optional, true)
  expect.equal(items[11].point_of_no_return, true)
  expect.equal(items[12].actions[1].undo, "not needed")
end

T["all that is looked at is named before planning"] = function()
  local loaded = load()
  local world = lab.world()
  lab.run(world, loaded)
  local named = {}
  for _, resource in ipairs(loaded.resources) do
    named[resource] = true
  end
  for _, resource in ipairs(world.observed) do
    expect.truthy(named[resource], resource .. " is not among the resources")
  end
end

T["the runbook checks without a site too"] = function()
  expect.equal(lab.errors(lab.load(source, { site = false, mode = "check" })), host.list {})
end

return T
