-- The way home on PostgreSQL: what is told of a server that was closed, and what is to be done.
local lab = require_module "lab"
local pg_home = require "bascule/platforms/pg_home"
local T = {}

local primary, secondary = "database:mgc.primary", "database:mgc.secondary"
local link, mirror = "mirror:mgc.mirror", "database:mgc.mirror"

local function copy_on(server)
  return { server = server, database = "mgc" }
end

local function site(start)
  local found = lab.site()
  for _, name in ipairs { "sql1", "sql2", "sql3", "sql4" } do
    local server = found.servers[name]
    server.platform, server.folder = "postgresql", "/srv/" .. name
    server.start, server.stop = host.list {}, host.list {}
  end
  local mgc = found.databases.mgc
  mgc.primary, mgc.mirror = copy_on "sql1", copy_on "sql2"
  mgc.secondary, mgc.secondary_mirror = copy_on "sql3", copy_on "sql4"
  mgc.log_shipping = { share = "/share", destination = "/copied", pid_file = "/run/copier",
    start = host.list(start or { "copier", "begin" }) }
  return found
end

local function copy(state, more)
  local facts = { state = state, writable = state == "online", database_id = "77",
    fork = "timeline 2", lsn = 500, sessions = 0, session_list = host.list {} }
  for key, value in pairs(more or {}) do
    facts[key] = value
  end
  return facts
end

-- The secondary is online since a failover, and the old primary is fenced.
local function facts()
  local all = lab.facts()
  all[primary] = copy("standby", { fork = "timeline 1", commits_await = "sql2" })
  all[secondary] = copy("online", { recovered_lsn = 400, log_shipping = "none" })
  all[mirror] = copy("mirror", { fork = "timeline 1" })
  all["database:mgc.secondary_mirror"] = copy "missing"
  all[link] = { state = "following", principal = "sql1", synchronous = false, waits_for = "" }
  all["mirror:mgc.secondary_mirror"] = { state = "none", principal = "", synchronous = false,
    waits_for = "" }
  return all
end

local function play(body, all, start)
  local world = lab.world(all or facts(), true)
  return lab.step(world, body, { site = site(start) }), world
end

local function expect_outcome(result, outcome, part)
  expect.equal(result.outcome, outcome)
  expect.truthy(not part or tostring(result.reason):find(part, 1, true), tostring(result.reason))
end

T["it can be opened again while its last record is the checkpoint that closed it"] = function()
  local function handed_over(row)
    local seen = {}
    pg_home.add_facts(row, seen)
    return seen.handed_over_lsn
  end
  local row = { restoring = 1, lsn = 160, handed_over = "40", checkpoint_lsn = 40 }
  expect.equal(handed_over(row), 160)
  for key, value in pairs { restoring = 0, lsn = 1000, handed_over = "0", checkpoint_lsn = 90 } do
    local other = { restoring = 1, lsn = 160, handed_over = "40", checkpoint_lsn = 40 }
    other[key] = value
    expect.equal(handed_over(other), nil)
  end
  expect.equal(handed_over { restoring = 1, lsn = 160, checkpoint_lsn = 40 }, nil)
end

T["a standby that went beyond where a timeline begins is on that one"] = function()
  local function timeline(follows, lsn, restoring)
    return pg_home.mended({ restoring = restoring or 1, timeline = 2, lsn = lsn,
      follows = follows }).timeline
  end
  expect.equal(timeline("3 500", 501), 3)
  expect.equal(timeline("3 500", 500), 2)
  expect.equal(timeline("3 500", 501, 0), 2)
  expect.equal(timeline("1 500", 501), 2)
  expect.equal(timeline(nil, 501), 2)
  expect.equal(pg_home.mended(nil), nil)
end

T["the old primary is made a standby of the other side, and put back"] = function()
  local result, world = play "database.seed { copy = db.primary, from = db.secondary }"
  expect_outcome(result, "changed")
  local change = world.changes[1]
  expect.equal(change.row, "standby.seed")
  expect.equal(change.args, { from = "sql3", server = "sql1", database = "mgc", share = "/share" })
  local becomes = change.becomes[primary]
  expect.equal({ becomes.state, becomes.fork }, { "standby", "timeline 2" })
  expect.equal(becomes.lsn["$unknown"], "lsn")
  expect.equal(change.becomes[link].state["$unknown"], "text")
  expect_outcome(lab.take_back(world, { index = 1, action = 1, undo = change.undo }), "changed")
  expect.equal(world.changes[2].row, "standby.unseed")
  expect.equal(world.changes[2].args, { server = "sql1", database = "mgc", restore = true,
    start = true })
  expect.equal(world.changes[2].becomes[primary].commits_await, "sql2")
end

T["what can be written to is not made room of"] = function()
  local all = facts()
  all[primary] = copy "online"
  expect_outcome(play("database.seed { copy = db.primary, from = db.secondary }", all), "refused",
    "fence it first")
end

local function seeded(more)
  local all = facts()
  all[primary] = copy("standby", { lsn = 480 })
  all[link] = { state = "stalled", principal = "", synchronous = false, waits_for = "" }
  for key, value in pairs(more or {}) do
    all[secondary][key] = value
  end
  return all
end

T["the side that is online is closed, and opened again"] = function()
  local result, world = play("database.hand_over(db.secondary)", seeded())
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].row, "standby.hand_over")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", share = "/share",
    destination = "/copied" })
  expect.equal(world.changes[1].becomes[secondary].state, "standby")
  world.facts[secondary].handed_over_lsn = 500
  world.facts[secondary].recovered_lsn = nil
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(world.changes[2].row, "standby.reopen")
end

T["one that was stopped on its way to be closed is closed in the end"] = function()
  local all = seeded()
  all[secondary] = { state = "restoring", log_shipping = "none",
    held_by = "its server was stopped to be handed over, and that has not ended" }
  local result, world = play("database.hand_over(db.secondary)", all)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].becomes[secondary].fork, "timeline 2")
end

T["while one side is not closed yet, the other is not brought online"] = function()
  local all = seeded()
  all[primary] = copy("standby", { lsn = 500 })
  all[secondary] = { state = "restoring", log_shipping = "none", held_by = "it was stopped" }
  expect_outcome(play("database.recover(db.primary), point_of_no_return = true", all), "refused",
    "is not closed yet, and may have committed what nobody else has: it was stopped")
end

T["a copy is brought near by what is shipped"] = function()
  local _, world = play("database.catch_up { copy = db.primary, from = db.secondary }", seeded())
  expect.equal(world.changes[1].row, "standby.catch_up")
  expect.equal(world.changes[1].args, { from = "sql3", server = "sql1", database = "mgc",
    share = "/share" })
  expect.equal(world.changes[1].becomes[primary].lsn, { ["$unknown"] = "lsn" })
end

T["how far it comes is known where the other side is closed"] = function()
  local all = seeded()
  all[secondary] = copy("standby", { fork = all[secondary].fork, lsn = 600, writable = false })
  local _, world = play("database.catch_up { copy = db.primary, from = db.secondary }", all)
  expect.equal(world.changes[1].becomes[primary].lsn, 600)
end

-- The primary is online where the secondary was handed over.
local function home()
  local all = facts()
  all[primary] = copy("online", { fork = "timeline 3", lsn = 600, recovered_lsn = 500 })
  all[secondary] = copy("standby", { log_shipping = "none", log_shipping_job = "",
    handed_over_lsn = 500 })
  all[link] = { state = "stalled", principal = "", synchronous = false, waits_for = "" }
  return all
end

T["log shipping begins with the log files there are, then the job"] = function()
  local all = home()
  local world = lab.world(all, true)
  world.facts[secondary].log_shipping_job = nil
  lab.step(world, "log_shipping.install(db.secondary)", { site = site() })
  expect.equal(world.changes[1].row, "standby.ship_from")
  expect.equal(world.changes[1].becomes[secondary].fork, "timeline 3")
  expect.equal(world.changes[1].becomes[secondary].log_shipping, nil)
  expect.equal(world.changes[2].args, { argv = { "copier", "begin" }, pid_file = "/run/copier" })
  expect.equal(world.changes[2].becomes[secondary].log_shipping, "configured")
end

T["a secondary that ends elsewhere, or a job that nobody can begin, is refused"] = function()
  local all = home()
  all[secondary].lsn = 510
  expect_outcome(play("log_shipping.install(db.secondary)", all), "refused",
    "it has to be made anew")
  expect_outcome(play("log_shipping.install(db.secondary)", home(), {}), "refused",
    "the site does not say how log shipping to sql3 is begun")
end

-- All that is known of a secondary that was stopped to follow the primary.
local function half()
  local all = home()
  all[secondary] = { state = "standby", log_shipping = "none", log_shipping_job = "",
    held_by = "its server was stopped to follow another, and that has not ended" }
  return all
end

T["one that was stopped to follow the primary is gone on with, or started"] = function()
  local world = lab.world(half(), true)
  lab.step(world, "log_shipping.install(db.secondary)", { site = site() })
  expect.equal(world.changes[1].row, "standby.ship_from")
  expect.equal(world.changes[1].becomes[secondary].database_id, "77")
  expect.truthy(world.changes[1].undo.mends)
  world.facts[secondary] = half()[secondary]
  local undo = { index = 1, action = 1, undo = world.changes[1].undo }
  lab.take_back(world, undo)
  local change = world.changes[#world.changes]
  expect.equal(change.row, "standby.go_on")
  expect.equal(change.args, { server = "sql3", database = "mgc" })
  world.facts[secondary] = copy "standby"
  expect_outcome(lab.take_back(world, undo), "skipped", "was not left half set up")
end

T["one that was stopped to follow the primary keeps nobody from being brought online"] = function()
  local all = half()
  all[primary] = copy("standby", { handed_over_lsn = 500 })
  local _, world = play("database.reopen(db.primary)", all)
  expect.equal(world.changes[1].row, "standby.reopen")
end

T["a secondary that is gone is made anew first"] = function()
  local all = home()
  all[secondary] = { state = "missing", log_shipping = "none" }
  local _, world = play("log_shipping.install(db.secondary)", all)
  expect.equal(world.changes[1].row, "standby.seed")
  expect.equal(world.changes[1].args, { from = "sql1", server = "sql3", database = "mgc",
    share = "/share", destination = "/copied" })
  expect.equal(world.changes[2].row, "standby.ship_from")
end

T["nobody waits for a mirror that is removed"] = function()
  local all = home()
  all[link] = { state = "following", principal = "sql1", synchronous = true, waits_for = "sql2" }
  all[mirror] = copy("mirror", { fork = "timeline 3" })
  local result, world = play("mirror.remove(db.mirror)", all)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].row, "mirrors.pg_waits")
  expect.equal(world.changes[2].row, "mirrors.pg_remove")
  expect.equal(world.changes[2].becomes[mirror].state, "missing")
end

T["whoever reads on a mirror does not keep it from being removed or made anew"] = function()
  local all = home()
  local readers = host.list { { pid = 7, program = "reader" } }
  all[link] = { state = "following", principal = "sql1", synchronous = true, waits_for = "sql2" }
  all[mirror] = copy("mirror", { fork = "timeline 3", sessions = 1, session_list = readers })
  expect_outcome(play("mirror.remove(db.mirror)", all), "changed")
  all[link].state = "stalled"
  expect_outcome(play("mirror.install { principal = db.primary, mirror = db.mirror }", all),
    "changed")
end

T["a mirror that a removal has stopped is removed by whoever goes on"] = function()
  local all = home()
  all[link] = { state = "broken" }
  all[mirror] = { state = "unreachable" }
  expect_outcome(play("mirror.remove(db.mirror)", all), "refused", "is unreachable")
  all[mirror].at_rest = true
  local result, world = play("mirror.remove(db.mirror)", all)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].row, "mirrors.pg_waits")
  expect.equal(world.changes[2].row, "mirrors.pg_remove")
  expect.equal(world.changes[2].becomes[link].waits_for, { ["$unknown"] = "text" })
end

T["restoring is what a standby is here"] = function()
  local all = facts()
  local result = lab.step(lab.world(all, true),
    'verify { db.primary:is "restoring", db.primary:has { state = "restoring" } }',
    { site = site() })
  expect_outcome(result, "kept")
  expect_outcome(lab.step(lab.world(all, true), 'verify { db.secondary:is "restoring" }',
    { site = site() }), "diverged", "wanted restoring or standby")
  expect_outcome(lab.step(lab.world(all, true), 'verify { db.primary:is_not "restoring" }',
    { site = site() }), "diverged")
end

return T
