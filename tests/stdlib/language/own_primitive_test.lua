-- A primitive of the user's own, in a file beside the runbook.
local lab = require_module "lab"
local T = {}

local body = 'local greet = require "greet"\n'
  .. 'step "Say hello" { greet(db.secondary, "it\'s back") }'

T["it has the same contract as the shipped ones"] = function()
  local loaded = lab.body(body)
  expect.equal(lab.errors(loaded), host.list {})
  expect.equal(loaded.runbook.items[1].actions, host.list { { primitive = "greet", line = 4,
    resource = "sql:greeting", undo = "declared", label = "declared" } })
  expect.equal(loaded.modules[1].name, "greet")
  expect.truthy(loaded.modules[1].source:find("return primitive", 1, true))
end

T["it is kept, changed and diverged like them"] = function()
  local loaded = lab.body(body)
  local world = lab.world { ["sql:greeting"] = { posted = 0 } }
  local result = lab.perform(world, 1)
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].statement, "INSERT INTO messages (text) VALUES ('it''s back')")
  expect.equal(world.changes[1].row, "sql.execute")
  expect.equal(world.changes[1].becomes, { ["sql:greeting"] = { posted = 1 } })
  expect.equal(world.changes[1].args, { server = "sql3", file = "/site/sql3/mgc.db",
    sql = "INSERT INTO messages (text) VALUES (?)", params = host.list { "it's back" },
    expect_rows = 1 })
  expect.equal(world.changes[1].undo, { before = { posted = 0 }, wanted = { posted = 1 },
    now = { ["sql:greeting"] = { posted = 0 } } })
  lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal(world.changes[2].statement, "DELETE FROM messages WHERE text = 'it''s back'")
  expect.equal(world.changes[2].becomes, { ["sql:greeting"] = { posted = 0 } })
  expect.equal(lab.perform(world, 1).outcome, "changed")
  expect.equal(lab.perform(world, 1).outcome, "kept")
  world = lab.world { ["sql:greeting"] = { posted = 0 } }
  world.deaf = true
  result = lab.perform(world, 1)
  expect.equal(result.outcome, "diverged")
  expect.equal(result.reason, "after the change posted of sql:greeting is 0, wanted 1")
  expect.equal(#loaded.runbook.items, 1)
end

T["it tells by the facts what it costs to take it back"] = function()
  lab.body('local p = primitive { name = "p", args = { { "copy", "copy" }, { "say", "text" } },\n'
    .. '  changes = function() return {} end,\n'
    .. '  caveats = function(a, observe)\n'
    .. '    return { a.say .. " " .. observe(a.copy).state, observe(chat).state }\n'
    .. '  end }\n'
    .. 'step "s" { p(db.secondary, "a"), p(db.primary, "b"), warn "x", caveats = { "First." } }')
  local world = lab.world()
  expect.equal(lab.caveats(world, { index = 1, action = 0 }),
    host.list { "First.", "a restoring", "Normal", "b unreachable", "Normal" })
  expect.equal(lab.caveats(world, { index = 1, action = 2 }),
    host.list { "First.", "b unreachable", "Normal" })
  expect.equal(lab.caveats(world, { index = 1, action = 3 }), host.list { "First." })
end

T["it can be used twice"] = function()
  local loaded = lab.body('local greet = require "greet"\nstep "s" { greet(db.primary, "a"), '
    .. 'greet(db.primary, "b"), greet(db.primary, "a") }')
  expect.equal(lab.errors(loaded), host.list {})
  local resources = host.list {}
  for index, action in ipairs(loaded.runbook.items[1].actions) do
    resources[index] = action.resource
  end
  expect.equal(resources, host.list { "sql:greeting", "sql:greeting-2", "sql:greeting" })
end

T["a mistake in its file is told with that file and line"] = function()
  local loaded = lab.body 'local x = require "wrong_primitive"\nstep "a" { x(db.primary) }'
  local first = loaded.errors[1]
  expect.truthy(first.file:find("wrong_primitive.lua", 1, true))
  expect.equal({ first.line, first.message, first.hint, #loaded.errors },
    { 4, 'a primitive has no "chnges"', "did you mean changes?", 1 })
end

T["its facts are observed through its query"] = function()
  lab.body(body)
  local called
  local facts = drive(function()
    return lab.host.observe { resource = "sql:greeting" }
  end, function(effect)
    called = effect
    return { ok = true, value = { columns = host.list { "posted" },
      rows = host.list { host.list { 3 } } } }
  end)
  expect.equal(facts, { reachable = true, posted = 3 })
  expect.equal(called.row, "sql.query")
  expect.equal(called.args, { server = "sql3", file = "/site/sql3/mgc.db", max_rows = 1,
    sql = "SELECT count(*) AS posted FROM messages WHERE text = ?",
    params = host.list { "it's back" } })
end

T["its arguments are checked like theirs"] = function()
  expect.equal(lab.errors(lab.body('local greet = require "greet"\nstep "a" { greet(chat, "x") }')),
    host.list { '4: greet takes a copy of a database as "database", not the pool chat | write '
      .. "greet(database, text)" })
end

T["a module that is not there is one mistake"] = function()
  expect.equal(lab.errors(lab.body('local x = require "greed"\nstep "a" { x.y(1) }')), host.list {
    '3: there is no module "greed" | put greed.lua into the runbook\'s folder' })
end

-- Mistakes in the description of a primitive, in the runbook itself.
local function described(text)
  return lab.errors(lab.body("local p = primitive {\n" .. text
    .. '\n}\nstep "a" { p(db.secondary) }'))
end

T["mistakes in its description are told with their line"] = function()
  local way = "changes = function() return {} end,"
  local misspelt = '\nargs = { { "c", "copy" } },\nwant = function() end,'
  expect.equal(described(way .. misspelt), host.list {
    '6: a primitive has no "want" | did you mean wants?' })
  expect.equal(described('args = { { "c", "cpy" } }, ' .. way)[1]:sub(1, 37),
    '3: the argument type "cpy" is unknown')
  expect.equal(described 'args = { { "c", "copy" } },', host.list {
    '3: the primitive "primitive" has no changes | give it changes = function(a, facts) return '
      .. "{ … } end" })
  expect.equal(described(way .. "\nwants = 3,"), host.list {
    '5: "wants" of a primitive must be a function, not number' })
end

T["without wants it is assumed, and done every time"] = function()
  local source = 'local p = primitive { name = "p", args = { { "c", "copy" } }, '
    .. 'changes = function(a) return { sql.change { on = a.c, statement = "x" } } end }\n'
    .. 'step "a" { p(db.secondary) }'
  local loaded = lab.body(source)
  expect.equal(lab.errors(loaded), host.list {})
  expect.equal(loaded.runbook.items[1].actions[1].label, "assumed")
  local world = lab.world()
  expect.equal(lab.perform(world, 1).outcome, "changed")
  expect.equal(lab.perform(world, 1).outcome, "changed")
  expect.equal(#world.changes, 2)
end

T["it refuses with the reason it gives"] = function()
  lab.body('local p = primitive { args = { { "c", "copy" } },\n'
    .. 'requires = function(a, facts, observe)\n'
    .. '  return observe(chat).state == "Normal" and facts.state .. " is not enough"\nend,\n'
    .. 'changes = function() return {} end }\nstep "a" { p(db.secondary) }')
  local result = lab.perform(lab.world(), 1)
  expect.equal({ result.outcome, result.reason }, { "refused", "restoring is not enough" })
end

T["what it prints while it is performed is a note"] = function()
  lab.body('local p = primitive { args = { { "c", "copy" } },\n'
    .. 'changes = function() print("hello", 3) return {} end }\nstep "a" { p(db.secondary) }')
  local world = lab.world()
  lab.perform(world, 1)
  expect.equal(world.notes[1].text, "hello\t3")
end

T["a mistake that shows only while it is performed ends its step"] = function()
  lab.body('local p = primitive { args = { { "c", "copy" } },\n'
    .. 'changes = function(a) return { sql.chnge { on = a.c } } end }\n'
    .. 'step "a" { p(db.secondary) }')
  expect.raises('unknown primitive "sql.chnge" (did you mean sql.change?)', lab.perform,
    lab.world(), 1)
end

return T
