-- What items say, so that two readings of a runbook can be compared.
local lab = require_module "lab"
local T = {}

local function said(body, reached, options, resources)
  local loaded = lab.body(body, options)
  expect.equal(lab.errors(loaded), host.list {})
  return lab.host.said { reached = reached or 1, resources = resources }
end

local function keys(map)
  local names = host.list {}
  for name in pairs(map) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local copy = 'step "s" { log_shipping.remove(db.secondary) }'

T["comments, blank lines, phases and words for people say nothing"] = function()
  local plain = said(copy).items[1]
  local other = said('-- a word\n\nphase "p" {\nstep "s" {\n  log_shipping.remove(db.secondary),'
    .. '\n  on_failure = "call Anna",\n},\n}').items[1]
  expect.equal(other.says, plain.says)
  expect.equal({ plain.line, other.line }, { 3, 6 })
end

T["arguments, options, undo and conditions are said"] = function()
  local says = said('step "s" { command.run { argv = { "/bin/x", params.pool.name } }, timeout = '
    .. '"5s", optional = true, undo = { command.run { argv = { "/bin/y" } } } }').items[1].says
  expect.equal(says.actions, host.list { { primitive = "command.run", resource = "command:x",
    args = { argv = host.list { "/bin/x", "chat" } } } })
  expect.equal({ says.timeout_ms, says.optional }, { 5000, true })
  expect.equal(says.undo[1].args, { argv = host.list { "/bin/y" } })
  says = said('guard "g" { either { db.secondary:is "restoring", db.primary:is_not "online" } }\n'
    .. copy).items[1].says
  expect.equal(says.conditions, host.list { { condition = "the secondary of mgc on sql3 "
    .. "(/site/sql3/mgc.db) is restoring, or the primary of mgc on sql1 (/site/sql1/mgc.db) "
    .. "is not online" } })
end

T["a gate says what the question is about"] = function()
  local says = said('gate "g" { shows = { "data_loss_window" } }\n'
    .. 'step "s" { database.recover(db.secondary), point_of_no_return = true }').items[1].says
  expect.equal(says.recovers, "database:mgc.secondary")
  says = said('gate "g" { after = "2h", parks = true, override = "now" }\n' .. copy).items[1].says
  expect.equal({ says.after_ms, says.parks, says.override }, { 7200000, true, "now" })
end

T["facts of one's own are said with how they are looked at"] = function()
  local says = said('local c = command.facts "c" { argv = { "/bin/c" } }\n'
    .. 'guard "g" { c:has { exit = 0 } }\n' .. copy).items[1].says
  expect.equal(says.definitions, { ["command:c"] = { argv = host.list { "/bin/c" } } })
end

T["of what is no data it is said where it stands"] = function()
  local own = 'local own = primitive { name = "own", args = { { "copy", "copy" } }, harmless = "x",'
    .. ' changes = function() return {} end }\n'
  expect.equal(said(own .. 'step "s" { own(db.secondary) }').items[1].code, "runbook")
  expect.equal(said('local g = require "greet"\nstep "s" { g(db.secondary, "x") }').items[1].code,
    "modules")
  expect.equal(said(copy).items[1].code, nil)
end

T["of the site only what the first items rest on is named"] = function()
  local body = copy .. '\nstep "t" { mirror.install { principal = db.secondary, mirror = '
    .. 'db.secondary_mirror } }'
  local first = keys(said(body, 1).site)
  expect.equal(first, host.list { "databases.mgc.failover", "databases.mgc.log_shipping",
    "databases.mgc.loss_check", "databases.mgc.secondary", "servers.clients", "servers.sql3",
    "site" })
  local second = keys(said(body, 2).site)
  expect.equal(second, host.list { "databases.mgc.failover", "databases.mgc.log_shipping",
    "databases.mgc.loss_check", "databases.mgc.secondary", "databases.mgc.secondary_mirror",
    "servers.clients", "servers.sql3", "servers.sql4", "site" })
  expect.equal(keys(said(body, 0).site), host.list { "site" })
end

T["either and further resources count as well"] = function()
  local site = said('guard "g" { either { db.secondary:is "restoring", db.mirror:is "mirror" } }\n'
    .. copy, 1).site
  expect.truthy(site["servers.sql2"])
  site = said(copy, 1, nil, { ["1"] = host.list { "database:mgc.mirror" } }).site
  expect.equal(site["servers.sql2"].item, 1)
  site = said(copy, 1, nil, { ["2"] = host.list { "database:mgc.mirror" } }).site
  expect.equal(site["servers.sql2"], nil)
end

T["a pool rests on its servers, links and database, and a word may name a server"] = function()
  local site = said('step "s" { pool.set_active_servers(chat, near(db.secondary)) }').site
  for _, path in ipairs { "pools.chat", "links", "servers.app", "servers.fe1", "servers.sql1",
    "databases.mgc.primary" } do
    expect.truthy(site[path])
  end
  site = said('step "s" { sql.change { server = "app", file = "x.db", statement = "DELETE FROM t" '
    .. '}, harmless = "x" }').site
  expect.equal(keys(site), host.list { "servers.app", "site" })
end

T["a path that is only needed later may differ"] = function()
  local before = said(copy).site
  local site = lab.site()
  site.databases.mgc.secondary_mirror.path = "/elsewhere/mgc.db"
  expect.equal(said(copy, 1, { site = site }).site, before)
  site.databases.mgc.secondary.path = "/elsewhere/mgc.db"
  expect.equal(said(copy, 1, { site = site }).site["databases.mgc.secondary"].value.path,
    "/elsewhere/mgc.db")
end

return T
