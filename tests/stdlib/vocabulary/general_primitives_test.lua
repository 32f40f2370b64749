-- The general primitives: sql, command, file, verify.
local lab = require_module "lab"
local T = {}

local queue = 'local queue = sql.facts "queue" { on = db.secondary,\n'
  .. '  query = "SELECT count(*) AS rows FROM queue" }\n'

local function performed(body, facts, set)
  local loaded = lab.body(body, { set = set })
  expect.equal(lab.errors(loaded), host.list {})
  local world = lab.world(facts)
  return lab.perform(world, 1), world, loaded
end

T["facts of one's own serve conditions"] = function()
  local result = performed(queue .. 'guard "g" { queue:has { rows = at_most(10) } }\n'
    .. 'step "s" { warn "x" }', { ["sql:queue"] = { reachable = true, rows = 11 } })
  expect.equal({ result.outcome, result.reason }, { "refused",
    "sql queue has rows 11, wanted at most 10" })
end

T["facts of one's own are named once and among the resources"] = function()
  local loaded = lab.body(queue .. 'step "s" { warn "x" }')
  local named = false
  for _, id in ipairs(loaded.resources) do
    named = named or id == "sql:queue"
  end
  expect.truthy(named)
  expect.equal(lab.errors(lab.body(queue .. queue:gsub("local queue", "local other")
    :gsub("FROM queue", "FROM other") .. 'step "s" { warn "x" }')), host.list {
      '5: there are two sql.facts "queue" | give one another name' })
end

T["a query that is not answered is a fact"] = function()
  lab.body(queue .. 'step "s" { warn "x" }')
  local function observe(answer)
    return drive(function()
      return lab.host.observe { resource = "sql:queue" }
    end, function()
      return answer
    end)
  end
  expect.equal(observe { ok = false, error = { message = "no route" } },
    { reachable = false, reason = "no route" })
  expect.equal(observe { ok = true, value = { columns = host.list { "rows" },
    rows = host.list {} } }, { reachable = true })
end

T["a statement that declares its facts is kept, changed or diverged"] = function()
  local body = queue .. 'step "s" { sql.change { on = db.secondary, statement = "DELETE FROM queue '
    .. 'WHERE id > ?",\n  params = { 5 }, becomes = { [queue] = { rows = 0 } },\n'
    .. '  undo = { statement = "SELECT ?", params = { "a\'b" } } } }'
  local result, world, loaded = performed(body, { ["sql:queue"] = { rows = 3 } })
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].statement, "DELETE FROM queue WHERE id > 5")
  expect.equal(world.changes[1].args.params, host.list { 5 })
  expect.equal(world.changes[1].becomes, { ["sql:queue"] = { rows = 0 } })
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(world.changes[2].statement, "SELECT 'a''b'")
  expect.equal(world.changes[2].becomes, { ["sql:queue"] = { rows = 3 } })
  local action = loaded.runbook.items[1].actions[1]
  expect.equal({ action.label, action.undo }, { "declared", "declared" })
  expect.equal(performed(body, { ["sql:queue"] = { rows = 0 } }).outcome, "kept")
end

T["of a bound nothing is foretold but that it will hold"] = function()
  local body = queue .. 'step "s" { sql.change { on = db.secondary, statement = "DELETE", '
    .. "becomes = { [queue] = { rows = at_most(5) } } } }"
  local result, world = performed(body, { ["sql:queue"] = { rows = 9 } })
  expect.equal(world.changes[1].becomes, { ["sql:queue"] = { rows = { ["$unknown"] = "int" } } })
  expect.equal(result.outcome, "changed")
  expect.equal(performed(body, { ["sql:queue"] = { rows = 4 } }).outcome, "kept")
  expect.equal(performed(body, { ["sql:queue"] = { rows = { ["$unknown"] = "int" } } }).outcome,
    "changed")
end

T["a statement that declares nothing is assumed"] = function()
  local result, world, loaded = performed('step "s" { sql.change { server = "app", file = "x.db", '
    .. 'statement = "VACUUM" } }')
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].resource, "sql:app")
  expect.equal(world.changes[1].args, { server = "app", file = "x.db", sql = "VACUUM",
    params = host.list {} })
  expect.equal(loaded.runbook.items[1].actions[1].label, "assumed")
end

T["a statement says where it is executed, and what its facts are of"] = function()
  expect.equal(lab.errors(lab.body 'step "s" {\n sql.change { statement = "x" } }'), host.list {
    '4: the statement does not say where it is executed | add on = db.secondary, or server = "…"' })
  expect.equal(lab.errors(lab.body('step "s" { sql.change { server = "apq", statement = "x" } }')),
    host.list { '3: sql.change takes a server as "server", not "apq" | did you mean app?' })
  expect.equal(lab.errors(lab.body('step "s" { sql.change { server = "app", statement = "x", '
    .. "becomes = { rows = 0 } } }")), host.list {
      '3: becomes does not say of which resource "rows" is true | write becomes = { [facts] = { '
        .. "key = value } } with a handle in the brackets" })
end

T["a command is started with its arguments, never through a shell"] = function()
  local result, world = performed('step "s" { command.run { argv = { "/bin/echo", "a b", "it\'s" },'
    .. ' host = "fe3", timeout = "5s", undo = { argv = { "/bin/true" } } } }')
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].statement, [[on fe3: /bin/echo 'a b' 'it'\''s']])
  expect.equal(world.changes[1].args, { argv = host.list { "/bin/echo", "a b", "it's" },
    host = "fe3", timeout_ms = 5000 })
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(world.changes[2].statement, "on fe3: /bin/true")
  expect.equal(lab.errors(lab.body('step "s" { command.run { argv = { "/bin/sleep", 3 } } }')),
    host.list { "3: every argument of a command is a text | write numbers in quotes, and one "
      .. "argument in each pair of quotes" })
end

T["a command that declares its facts is kept when they are true"] = function()
  local body = 'local chatd = command.facts "chatd" { argv = { "/usr/bin/pgrep", "chatd" } }\n'
    .. 'step "s" { command.run { argv = { "/usr/sbin/chatd" }, becomes = { [chatd] = { exit = 0 '
    .. "} } } }"
  expect.equal(performed(body, { ["command:chatd"] = { exit = 0 } }).outcome, "kept")
  local result, world = performed(body, { ["command:chatd"] = { exit = 1 } })
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].resource, "command:chatd")
end

local copy = 'step "s" { file.copy { from = "/a", to = "/b" } }'
local source = { exists = true, bytes = 3, sha256 = "aa" }

T["a file is copied once and taken back exactly"] = function()
  local loaded = lab.body(copy)
  expect.equal(lab.errors(loaded), host.list {})
  local world = lab.world { ["file:/a"] = source, ["file:/b"] = { exists = false } }
  world.result = { bytes = 3, sha256 = "aa" }
  local result = lab.perform(world, 1)
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].args, { from = "/a", to = "/b" })
  local back = { index = 1, action = 1, undo = world.changes[1].undo }
  expect.equal(lab.perform(world, 1).outcome, "kept")
  expect.equal(lab.take_back(world, back).outcome, "changed")
  expect.equal(world.changes[2].args, { path = "/b", sha256 = "aa" })
  expect.equal(world.changes[2].becomes,
    { ["file:/b"] = { exists = false, bytes = 0, sha256 = "" } })
  expect.equal(lab.take_back(world, back).outcome, "kept")
end

T["a file is not copied over another, nor from nowhere"] = function()
  expect.equal(performed(copy, { ["file:/a"] = source, ["file:/b"] = { exists = true, bytes = 1,
    sha256 = "bb" } }).reason, "/b is there already and is another file")
  expect.equal(performed(copy, { ["file:/a"] = { exists = false },
    ["file:/b"] = { exists = false } }).reason, "there is no file /a")
  expect.equal(lab.errors(lab.body 'step "s" { file.copy { from = "a", to = "/b" } }'), host.list {
    '3: the path "a" is not absolute | begin it with a slash' })
end

T["verifying tells every condition that is not true"] = function()
  local result, world = performed('step "s" { verify { db.secondary:is "online",\n'
    .. "  db.secondary_mirror:follows(db.secondary),\n"
    .. '  chat:has_active_servers { "fe4", "fe3" } } }')
  expect.equal(result.outcome, "diverged")
  expect.equal(result.reason, "the secondary of mgc on sql3 (/site/sql3/mgc.db) is restoring, "
    .. "wanted online; mirroring of mgc to sql4 (/site/sql4/mgc.db) is none, wanted "
    .. "following; the pool chat has active_servers [fe1, fe2], wanted [fe3, fe4]")
  expect.equal(world.changes, {})
end

return T
