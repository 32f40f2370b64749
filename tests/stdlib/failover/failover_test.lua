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

T["done twice, everything after the guards is kept"] = function()
  local world = lab.world()
  local loaded = load()
  lab.run(world, loaded)
  local before = #world.changes
  world.facts["database:mgc.secondary"].sessions = 0
  for index = 11, #loaded.runbook.items do
    expect.equal(lab.perform(world, index).outcome, "kept")
  end
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
  local loaded = load()
  local outcomes = lab.run(world, loaded)
  expect.equal(outcomes[8], "skipped")
  expect.equal(lab.perform(world, 8).reason, "the disk of the primary of mgc on sql1 "
    .. "(/site/sql1/mgc.db) cannot be read: the disk is gone")
end

T["the listing holds what a reviewer needs"] = function()
  local items = load().runbook.items
  expect.equal(#items, 15)
  local shipping = items[5]
  expect.equal({ shipping.kind, shipping.title, shipping.line },
    { "step", "Remove log shipping", 31 })
  expect.equal(shipping.actions, host.list { { primitive = "log_shipping.remove",
    resource = "database:mgc.secondary", line = 31, undo = "automatic", label = "modelled" } })
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
