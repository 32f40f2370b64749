-- Each primitive of the failover: kept, refused, changed, diverged.
local lab = require_module "lab"
local T = {}

-- Facts of the lab with some of them replaced: {resource = {key = value}}.
local function facts_with(more)
  local facts = lab.facts()
  for resource, values in pairs(more or {}) do
    for key, value in pairs(values) do
      facts[resource][key] = value
    end
  end
  return facts
end

local function play(body, more)
  local world = lab.world(facts_with(more))
  return lab.step(world, body), world
end

-- The action is performed in a world that says yes and does nothing.
local function play_deaf(body, more)
  local world = lab.world(facts_with(more))
  world.deaf = true
  return lab.step(world, body), world
end

local function expect_outcome(result, outcome, part)
  expect.equal(result.outcome, outcome)
  if part then
    expect.truthy(tostring(result.reason):find(part, 1, true),
      tostring(result.reason) .. " does not say: " .. part)
  end
end

local secondary, backups = "database:mgc.secondary", "log_backups:mgc.secondary"
local online = { [secondary] = { state = "online", writable = true } }

T["log shipping is removed, and can be set up again as it was"] = function()
  local world = lab.world(facts_with { [secondary] = { log_shipping_job = "{}" } })
  expect_outcome(lab.step(world, "log_shipping.remove(db.secondary)"), "changed")
  expect.equal(world.changes[1].row, "logs.unship")
  expect.equal(world.changes[1].args, { path = "/site/sql3/mgc.db" })
  expect.equal(world.changes[1].becomes, { [secondary] = { log_shipping = "none",
    log_shipping_job = "" } })
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  local undo = world.changes[2]
  expect.equal(undo.row, "logs.ship")
  expect.equal(undo.args, { path = "/site/sql3/mgc.db", job = "{}" })
  expect.equal(undo.becomes, { [secondary] = { log_shipping = "configured",
    log_shipping_job = "{}" } })
end

T["log shipping whose job cannot be read is left alone"] = function()
  local result, world = play("log_shipping.remove(db.secondary)",
    { [secondary] = { log_shipping_job = "" } })
  expect_outcome(result, "refused", "cannot be read, so it could not be set up again")
  expect.equal(world.changes, {})
end

T["log shipping that is not there is kept"] = function()
  local result, world = play("log_shipping.remove(db.secondary)",
    { [secondary] = { log_shipping = "none" } })
  expect_outcome(result, "kept")
  expect.equal(world.changes, {})
end

T["log shipping into a lost copy is not removed"] = function()
  local result = play("log_shipping.remove(db.secondary)", { [secondary] = { state = "missing" } })
  expect_outcome(result, "refused", "sql3 (/site/sql3/mgc.db) is missing")
end

T["log shipping that is still there afterwards has diverged"] = function()
  expect_outcome(play_deaf "log_shipping.remove(db.secondary)", "diverged",
    "log_shipping of database:mgc.secondary is configured, wanted none")
end

T["only what is not copied is copied"] = function()
  local result, world = play "log_backups.copy(db.secondary)"
  expect_outcome(result, "changed")
  local args = world.changes[1].args
  expect.equal({ args.share, args.destination, #args.files },
    { "/site/backups", "/site/copied", 2 })
  expect.equal(args.files[1], lab.chain(100, 2)[2])
  expect.equal(world.changes[1].becomes, { [backups] = { copied_lsn = 130, pending_bytes = 0 } })
end

T["log backups that are all copied are kept"] = function()
  local result = play("log_backups.copy(db.secondary)",
    { [backups] = { copied_lsn = 130, chain = lab.chain(100, 3, 130) } })
  expect_outcome(result, "kept")
  result = play("log_backups.copy(db.secondary)",
    { [backups] = { copied_lsn = 0, last_lsn = 100, chain = lab.chain(100, 0) } })
  expect_outcome(result, "kept")
end

T["a chain with a problem is neither copied nor applied"] = function()
  for _, problem in ipairs { "gap", "damaged", "foreign_fork", "foreign_database", "overlap" } do
    local more = { [backups] = { problem = problem, problem_text = "file x, LSN 1 to 2" } }
    expect_outcome(play("log_backups.copy(db.secondary)", more), "refused", "file x, LSN 1 to 2")
    expect_outcome(play("log_backups.apply(db.secondary)", more), "refused", "file x, LSN 1 to 2")
  end
end

T["a chain that cannot be read is not taken for one that is done"] = function()
  for _, body in ipairs { "log_backups.copy(db.secondary)", "log_backups.apply(db.secondary)" } do
    local world = lab.world()
    world.facts[backups] = { problem = "damaged", problem_text = "could not read '/site/copied'" }
    expect_outcome(lab.step(world, body), "refused", "could not read '/site/copied'")
    local unread = { share_readable = false, chain = lab.chain(100, 0) }
    expect_outcome(play(body, { [backups] = unread }), "refused", "cannot be read")
  end
end

T["copying needs the share and room"] = function()
  expect_outcome(play("log_backups.copy(db.secondary)", { [backups] = { share_readable = false,
    problem_text = "permission denied" } }), "refused",
    "the backup share /site/backups cannot be read: permission denied")
  expect_outcome(play("log_backups.copy(db.secondary)", { [backups] = { free_bytes = 1024,
    pending_bytes = 1572864 } }), "refused", "there is no room in /site/copied for the log backups "
    .. "still to be copied: 1.5 MiB (1572864 bytes) are needed, 1.0 KiB (1024 bytes) are free")
end

T["a copy that did not arrive has diverged"] = function()
  expect_outcome(play_deaf "log_backups.copy(db.secondary)", "diverged",
    "copied_lsn of log_backups:mgc.secondary is 110, wanted 130")
end

T["many log backups are copied and applied in batches of 64"] = function()
  local more = { [backups] = { chain = lab.chain(100, 150), copied_lsn = 100, last_lsn = 1600 } }
  local result, world = play("log_backups.copy(db.secondary), log_backups.apply(db.secondary)",
    more)
  expect_outcome(result, "changed")
  local sizes = host.list {}
  for index, change in ipairs(world.changes) do
    sizes[index] = #change.args.files
  end
  expect.equal(sizes, host.list { 64, 64, 22, 64, 64, 22 })
  expect.equal(world.changes[1].becomes, {})
  expect.equal(world.changes[4].becomes, { [secondary] = { lsn = 740,
    time = "2024-05-01T10:04:00Z" } })
  expect.equal(world.changes[6].becomes[backups].applied_lsn, 1600)
  local _, listed = world.changes[2].statement:gsub("%.blog", "")
  expect.equal(listed, 64)
end

T["log backups are applied in order, and kept when there are none"] = function()
  local copied = { [backups] = { copied_lsn = 130, chain = lab.chain(100, 3, 130) } }
  local result, world = play("log_backups.apply(db.secondary)", copied)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args.folder, "/site/copied")
  expect.equal(world.changes[1].args.files[3], lab.chain(100, 3, 130)[3])
  expect_outcome(play("log_backups.apply(db.secondary)",
    { [backups] = { chain = lab.chain(130, 0), applied_lsn = 130 } }), "kept")
  expect_outcome(play("log_backups.apply(db.secondary)",
    { [backups] = { applied_lsn = 130, copied_lsn = 130 } }), "kept")
end

T["what is applied is the same whether it had to be copied first"] = function()
  local function files(more)
    local _, world = play("log_backups.apply(db.secondary)", { [backups] = more })
    return world.changes[1].args.files
  end
  local copied = { copied_lsn = 130, chain = lab.chain(100, 3, 130) }
  expect.equal(files { copied_lsn = 130, chain = lab.chain(100, 3, 110) }, files(copied))
end

T["what is not copied, or not restoring, is not applied"] = function()
  expect_outcome(play "log_backups.apply(db.secondary)", "refused",
    "log backups up to LSN 130 have not been copied, only up to LSN 110")
  expect_outcome(play("log_backups.apply(db.secondary)", { [secondary] = { state = "online" },
    [backups] = { copied_lsn = 130 } }), "refused", "is online, so no log backup can be applied")
  expect_outcome(play_deaf("log_backups.apply(db.secondary)", { [backups] = { copied_lsn = 130 } }),
    "diverged", "applied_lsn of log_backups:mgc.secondary is 100, wanted at least 130")
end

local applied = { [secondary] = { lsn = 130 } }

T["the tail is salvaged and applied"] = function()
  local result, world = play("log_backups.salvage(db.primary)", applied)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args, { salvage = "/rescued/sql1/mgc.db",
    destination = "/site/copied", copy = "/site/sql3/mgc.db", after_lsn = 130 })
  expect.equal(world.changes[1].resource, "tail:mgc.primary")
  expect.equal(world.changes[2].args.files,
    host.list { "130 137 - - - copied mgc_00000000000000000137.blog" })
  expect.equal(world.changes[2].becomes[backups], { applied_lsn = 137,
    applied_time = "2024-05-01T10:03:30Z" })
end

T["a tail that is salvaged already is only applied, and then kept"] = function()
  local more = { [secondary] = { lsn = 130 }, ["tail:mgc.primary"] = { state = "salvaged" } }
  local result, world = play("log_backups.salvage(db.primary)", more)
  expect_outcome(result, "changed")
  expect.equal(#world.changes, 1)
  more[secondary].lsn = 137
  expect_outcome(play("log_backups.salvage(db.primary)", more), "kept")
  expect_outcome(play("log_backups.salvage(db.primary)",
    { ["tail:mgc.primary"] = { state = "empty" } }), "kept")
end

T["a tail that cannot be trusted or reached is refused"] = function()
  expect_outcome(play("log_backups.salvage(db.primary)", { ["tail:mgc.primary"] = {
    state = "damaged", reason = "bad checksum" } }), "refused", "is damaged: bad checksum")
  expect_outcome(play "log_backups.salvage(db.primary)", "refused",
    "the tail begins after LSN 130, but only LSN 100 has been applied")
  expect_outcome(play("log_backups.salvage(db.primary), optional = true",
    { ["tail:mgc.primary"] = { state = "unavailable", reason = "gone" } }), "skipped", "gone")
end

T["an optional step whose change fails is skipped and says so"] = function()
  local world = lab.world(facts_with(applied))
  world.play = function()
    return { outcome = "failed", reason = "read error", error = { code = "io" } }
  end
  local result = lab.step(world, "log_backups.salvage(db.primary), optional = true")
  expect_outcome(result, "skipped", "read error")
  expect.equal(world.notes[1].kind, "warning")
end

T["an optional step of unknown outcome stops the run"] = function()
  local world = lab.world(facts_with(applied))
  world.play = function()
    return { outcome = "unknown", reason = "no answer" }
  end
  expect_outcome(lab.step(world, "log_backups.salvage(db.primary), optional = true"), "unknown",
    "no answer")
end

T["every session is ended, in rounds while new ones come"] = function()
  local result, world = play "sessions.kill_all(db.secondary)"
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args, { path = "/site/sql3/mgc.db", pids = host.list { 41, 42 } })
  expect.equal(world.changes[1].volatile, true)
  world = lab.world()
  world.play = function(_, w)
    w.facts[secondary].sessions = #w.changes < 2 and 1 or 0
    w.facts[secondary].session_list = host.list { { pid = 50, program = "writer" } }
    return { outcome = "changed", result = {}, facts = lab.copy(w.facts[secondary]) }
  end
  expect_outcome(lab.step(world, "sessions.kill_all(db.secondary)"), "changed")
  expect.equal(world.changes[2].args.pids, host.list { 50 })
end

T["sessions that cannot be seen are not taken for none"] = function()
  local world = lab.world()
  world.facts[secondary].sessions = nil
  world.facts[secondary].reason = "could not list the processes"
  expect_outcome(lab.step(world, "sessions.kill_all(db.secondary)"), "refused",
    "could not list the processes")
  expect.equal(world.changes, {})
end

local recovered = { [secondary] = { state = "online", writable = true, recovered_lsn = 130 } }

-- Ends the sessions of the secondary in a step before one that brings `role` online.
local function end_sessions_before(role, more, action)
  local world = lab.world(facts_with(more))
  local loaded = lab.body(([[step "the step" { %s(db.secondary) }
    step "r" { database.recover(db.%s), point_of_no_return = true } ]]):format(
      action or "sessions.kill_all", role))
  expect.equal(lab.errors(loaded), host.list {})
  return lab.perform(world, 1), world
end

T["sessions on a copy that was brought online are its clients once it was to be"] = function()
  local result, world = end_sessions_before("secondary", recovered)
  expect_outcome(result, "kept", "is online already: its sessions are those of its clients")
  expect.equal(world.changes, {})
  expect_outcome(play("sessions.kill_all(db.secondary)", recovered), "changed")
  expect_outcome(end_sessions_before("primary", recovered), "changed")
end

T["sessions on a copy that is online and was never brought online are ended"] = function()
  local result, world = end_sessions_before("secondary", online)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].row, "logs.end_sessions")
end

T["sessions that a primitive of the user's own would end are clients just the same"] = function()
  local own = 'primitive { args = { { "c", "copy" } }, harmless = "they reconnect", '
    .. "changes = function(a) return { sessions.kill_all(a.c) } end }"
  local result, world = end_sessions_before("secondary", recovered, "(" .. own .. ")")
  expect_outcome(result, "kept")
  expect.equal(world.changes, {})
  result = end_sessions_before("secondary", { [secondary] = { log_shipping = "none" } },
    "(" .. own .. ")")
  expect_outcome(result, "changed")
end

T["an action whose time is over does not keep the rest of its step from being done"] = function()
  local since = { [secondary] = { state = "online", writable = true, log_shipping = "none",
    recovered_lsn = 130 },
    [backups] = { problem = "foreign_fork", problem_text = "x.blog" } }
  local result, world = play('log_backups.apply(db.secondary), pool.set_state(chat, "FailedOver")',
    since)
  expect_outcome(result, "changed")
  expect.equal({ result.actions[1].outcome, result.actions[2].outcome }, { "skipped", "changed" })
  expect.equal(#world.changes, 1)
  expect_outcome(play("log_backups.copy(db.secondary), log_backups.apply(db.secondary)", since),
    "skipped", "of those that came later, x.blog")
  expect_outcome(play("log_backups.apply(db.secondary), log_shipping.remove(db.secondary)", since),
    "skipped", "of those that came later, x.blog")
end

T["sessions that keep coming are told, none are kept"] = function()
  expect_outcome(play("sessions.kill_all(db.secondary)", { [secondary] = { sessions = 0 } }),
    "kept")
  local result, world = play_deaf "sessions.kill_all(db.secondary)"
  expect_outcome(result, "diverged", "sessions of database:mgc.secondary is 2, wanted 0")
  expect.equal(#world.changes, 3)
end

local recover = "database.recover(db.secondary), point_of_no_return = true"
local ready = { [secondary] = { log_shipping = "none", sessions = 0, lsn = 130 },
  [backups] = { applied_lsn = 300, last_lsn = 300 } }

T["a copy is brought online, predicting what can be known"] = function()
  local result, world = play(recover, ready)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].row, "logs.recover")
  expect.equal(world.changes[1].becomes, {
    [secondary] = { state = "online", writable = true, fork = { ["$unknown"] = "text" },
      recovered_lsn = 130, recovered_time = "2024-05-01T10:00:00Z" },
    ["sql:mgc.kept"] = { reachable = { ["$unknown"] = "bool" },
      count = { ["$unknown"] = "int" } },
    ["tail:mgc.primary"] = { state = "too_late" },
  })
  expect_outcome(play(recover, online), "kept")
  expect_outcome(play_deaf(recover, ready), "diverged",
    "state of database:mgc.secondary is restoring, wanted online")
end

T["what is seen of the tail only afterwards is not foretold"] = function()
  local function foretold(more, tail)
    local _, world = play(recover, { [secondary] = more, [backups] = ready[backups],
      ["tail:mgc.primary"] = tail })
    return world.changes[1].becomes["tail:mgc.primary"]
  end
  local behind = { log_shipping = "none", sessions = 0, lsn = 100 }
  expect.equal(foretold(behind), { state = "too_late", first_lsn = { ["$unknown"] = "lsn" },
    commits = { ["$unknown"] = "commits" } })
  expect.equal(foretold(ready[secondary], { state = "damaged" }).last_lsn,
    { ["$unknown"] = "lsn" })
  expect.equal(foretold(ready[secondary], { state = "unavailable" }), nil)
end

T["a mirror of the copy as it was is foretold to fit no more"] = function()
  local _, world = play(recover, { [secondary] = ready[secondary], [backups] = ready[backups],
    ["mirror:mgc.secondary_mirror"] = { state = "stalled" } })
  expect.equal(world.changes[1].becomes["mirror:mgc.secondary_mirror"], { state = "broken" })
end

T["two writable copies are refused, whichever copy answers"] = function()
  local words = "is online: two writable copies must never exist"
  for _, role in ipairs { "primary", "mirror" } do
    local more = { [secondary] = ready[secondary],
      ["database:mgc." .. role] = { state = "online", writable = true } }
    local result, world = play(recover, more)
    expect_outcome(result, "refused", words)
    expect.equal(world.changes, {})
  end
  expect_outcome(play(recover, { ["database:mgc.primary"] = { state = "unknown" } }), "refused",
    "the primary of mgc on sql1 (/site/sql1/mgc.db) is unknown")
end

T["a named override with a reason allows it, and is told"] = function()
  local world = lab.world(facts_with { [secondary] = ready[secondary],
    ["database:mgc.primary"] = { state = "online", writable = true } })
  local body = 'database.recover(db.secondary, { override = "fenced_by_hand" }), '
    .. "point_of_no_return = true"
  expect_outcome(lab.step(world, body), "refused", "two writable copies")
  local result = lab.step(world, body, { set = { fenced_by_hand = "switched off, ticket 12" } })
  expect_outcome(result, "changed")
  expect.equal(world.notes[1].text, "fenced_by_hand was given: switched off, ticket 12")
end

T["a copy is not brought online while something is left to be done for it"] = function()
  local busy = { [secondary] = { log_shipping = "none", sessions = 2 }, [backups] = ready[backups] }
  expect_outcome(play(recover, busy), "refused", "has 2 open sessions: end them first")
  local late = { [secondary] = ready[secondary],
    [backups] = { applied_lsn = 300, last_lsn = 340, problem = "none", share_readable = true } }
  expect_outcome(play(recover, late), "refused",
    "has log backups up to LSN 340 and has applied them up to LSN 300")
end

T["of a share that cannot be read any more, what was copied counts"] = function()
  local late = { [secondary] = ready[secondary], [backups] = { applied_lsn = 300, copied_lsn = 320,
    last_lsn = 340, problem = "none", share_readable = false } }
  expect_outcome(play(recover, late), "refused",
    "has log backups up to LSN 320 and has applied them up to LSN 300")
  late[backups].applied_lsn = 320
  expect_outcome(play(recover, late), "changed")
end

T["a copy that is not ready is not brought online"] = function()
  expect_outcome(play(recover, { [secondary] = { state = "missing" } }), "refused",
    "is missing, so it cannot be brought online")
  expect_outcome(play(recover), "refused", "is still set up")
  expect_outcome(play(recover, { [secondary] = { log_shipping = "none", incomplete_lsn = 110 } }),
    "refused", "log backups up to LSN 110 are in the secondary of mgc")
end

T["a pool gets its state against the version that was seen"] = function()
  local result, world = play('pool.set_state(chat, "FailedOver")', online)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args.from, { state = "Normal",
    active_servers = host.list { "fe1", "fe2" }, version = 7 })
  expect.equal(world.changes[1].args.to, { state = "FailedOver",
    active_servers = host.list { "fe1", "fe2" } })
  local back = { index = 1, action = 1, undo = world.changes[1].undo }
  expect_outcome(lab.take_back(world, back), "refused", "would use the primary of mgc")
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  expect_outcome(lab.take_back(world, back), "changed")
  expect.equal(world.changes[2].args.from, { state = "FailedOver",
    active_servers = host.list { "fe1", "fe2" }, version = 8 })
  expect.equal(world.changes[2].args.to, { state = "Normal",
    active_servers = host.list { "fe1", "fe2" } })
  expect_outcome(play 'pool.set_state(chat, "Normal")', "kept")
  expect_outcome(play_deaf('pool.set_state(chat, "FailedOver")', online), "diverged",
    "state of pool:chat is Normal, wanted FailedOver")
  expect_outcome(play 'pool.set_state(chat, "FailedOver")', "refused",
    "would use the secondary of mgc, which is restoring")
  expect_outcome(play('pool.set_state(chat, "FailedOver")', { ["pool:chat"] = {
    state = "unreachable", reason = "no route" } }), "refused", "cannot be read: no route")
end

T["a pool whose writer was killed is changed, and the plan says so"] = function()
  local result, world = play('pool.set_state(chat, "FailedOver")', { ["pool:chat"] = {
    state = "Normal", active_servers = host.list {}, version = 7,
    reason = "a writer was killed" }, [secondary] = online[secondary] })
  expect_outcome(result, "changed")
  expect.equal(world.notes[1].kind, "warning")
  expect.equal(world.notes[1].text, "the pool chat: a writer was killed")
  result, world = play('pool.set_state(chat, "FailedOver")', online)
  expect_outcome(result, "changed")
  expect.equal(#world.notes, 0)
end

local mirror = "mirror.install { principal = db.secondary, mirror = db.secondary_mirror }"

T["a mirror is cloned and follows"] = function()
  local result, world = play(mirror, online)
  expect_outcome(result, "changed")
  expect.equal({ world.changes[1].row, world.changes[2].row }, { "mirrors.install",
    "mirrors.follow" })
  local fork = { ["$unknown"] = "text" }
  expect.equal(world.changes[1].becomes, { [secondary] = { fork = fork },
    ["database:mgc.secondary_mirror"] = { state = "mirror", writable = false, database_id = "d1",
      fork = fork },
    ["mirror:mgc.secondary_mirror"] = { state = "stalled", principal = "" } })
  expect.equal(world.changes[2].becomes, { ["mirror:mgc.secondary_mirror"] = {
    state = "following", principal = "/site/sql3/mgc.db" },
    [secondary] = { sessions = { ["$unknown"] = "sessions" },
      session_list = { ["$unknown"] = "list" } } })
  expect_outcome(play_deaf(mirror, online), "diverged")
end

T["a mirror that follows is kept, one that cannot is refused"] = function()
  expect_outcome(play(mirror, { [secondary] = online[secondary],
    ["mirror:mgc.secondary_mirror"] = { state = "following", principal = "/site/sql3/mgc.db" },
    ["database:mgc.secondary_mirror"] = { state = "mirror" } }), "kept")
  expect_outcome(play(mirror), "refused", "is restoring, so it cannot be mirrored")
  local held = { state = "mirror", session_list = { { pid = 9, program = "x" } } }
  expect_outcome(play(mirror, { [secondary] = online[secondary],
    ["database:mgc.secondary_mirror"] = held }), "refused", "1 session is open on the secondary")
  expect_outcome(play(mirror, { [secondary] = online[secondary],
    ["mirror:mgc.secondary_mirror"] = { state = "stalled", agent = "pid 9" },
    ["database:mgc.secondary_mirror"] = held }), "changed")
  expect_outcome(play(mirror, { [secondary] = online[secondary],
    ["database:mgc.secondary_mirror"] = { state = "online", writable = true } }), "refused",
    "installing a mirror would replace it")
  expect_outcome(play(mirror, { [secondary] = online[secondary],
    ["database:mgc.secondary_mirror"] = { state = "unreachable" } }), "refused", "sql4")
end

T["active servers are near the copy that is online"] = function()
  local result, world = play("pool.set_active_servers(chat, near(db.secondary))", online)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args.to.active_servers, host.list { "fe3", "fe4" })
  expect.equal(world.changes[1].args.data_centre, "dc2")
  expect_outcome(play("pool.set_active_servers(chat, near(db.secondary))",
    { [secondary] = online[secondary], ["pool:chat"] = {
      active_servers = host.list { "fe3", "fe4" } } }), "kept")
  expect_outcome(play_deaf("pool.set_active_servers(chat, near(db.secondary))", online), "diverged",
    "active_servers of pool:chat is [fe1, fe2], wanted [fe3, fe4]")
end

T["servers elsewhere are refused, whoever chose them"] = function()
  expect_outcome(play('pool.set_active_servers(chat, { "fe3", "fe1" })', {
    [secondary] = online[secondary], ["pool:chat"] = { active_servers = host.list {} } }),
    "refused",
    "server fe1 is in data centre dc1 (Atlanta); the primary database is on sql3 in dc2 (Boston)")
  expect_outcome(play("pool.set_active_servers(chat, near(db.secondary))",
    { ["database:mgc.primary"] = { state = "online", writable = true } }), "refused",
    "server fe3 is in data centre dc2 (Boston)")
  expect_outcome(play "pool.set_active_servers(chat, near(db.secondary))", "refused",
    "no copy of mgc is online")
end

T["a low-latency link makes both sides near"] = function()
  local site = lab.site()
  site.links[1].low_latency = true
  site.pools.chat.maximum_active = 3
  local world = lab.world(facts_with(online))
  local result = lab.step(world, "pool.set_active_servers(chat, near(db.secondary))",
    { site = site })
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args.to.active_servers, host.list { "fe1", "fe3", "fe4" })
end

return T
