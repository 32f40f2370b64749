-- The language itself: parameters, phases, guards, gates, retry, waiting.
local lab = require_module "lab"
local T = {}

local function params_of(params, options)
  local loaded = lab.load('runbook "r" { params = {\n' .. params
    .. '\n} }\nstep "s" { warn "x" }', options)
  return loaded.runbook.params, lab.errors(loaded)
end

T["a resource parameter defaults to the site's only one"] = function()
  local params, errors = params_of "p = param.pool(), d = param.database {},"
  expect.equal(errors, host.list {})
  expect.equal(params, { p = { type = "pool", value = "chat" },
    d = { type = "database", value = "mgc" } })
end

T["a database that is never failed over is no default"] = function()
  local site = lab.site()
  site.databases.mgccomp.failover = "allowed"
  local _, errors = params_of("d = param.database(),", { site = site })
  expect.equal(errors, host.list { '2: the parameter "d" has no value | pass --set d=NAME; the '
    .. "site has: mgc, mgccomp" })
  local params = params_of("d = param.database(),", { site = site, set = { d = "mgccomp" } })
  expect.equal(params.d.value, "mgccomp")
  _, errors = params_of("d = param.database(),", { site = site, mode = "check" })
  expect.equal(errors, host.list {})
end

T["plain parameters are read from texts"] = function()
  local params, errors = params_of('t = param.text {}, i = param.integer { default = 1 },\n'
    .. 'b = param.boolean { default = false }, u = param.duration { default = "5m" },\n'
    .. 'c = param.choice { "red", "green", default = "red" }, s = param.server {},',
    { set = { i = "7", t = "x y", b = "yes", c = "green", s = "fe3" } })
  expect.equal(errors, host.list {})
  expect.equal(params.i, { type = "integer", value = 7 })
  expect.equal(params.b, { type = "boolean", value = true })
  expect.equal(params.u, { type = "duration", value = "5m" })
  expect.equal({ params.c.value, params.s.value }, { "green", "fe3" })
end

T["a wrong value of a parameter is told with what it must be"] = function()
  local _, errors = params_of('i = param.integer { max = 9 },\nu = param.duration {},\n'
    .. 'c = param.choice { "red", "green" },\nb = param.boolean {},\ns = param.server {},\n'
    .. "t = param.text {},", { set = { i = "12", u = "soon", c = "blue", b = "2", s = "fe9" } })
  expect.equal(errors, host.list {
    '2: the parameter "i" must be a whole number from any to 9, not "12"',
    '3: the parameter "u" must be a duration such as 500ms, 30s or 5m, not "soon"',
    '4: the parameter "c" must be "red" or "green", not "blue"',
    '5: the parameter "b" must be true or false, not "2"',
    '6: the site litware has no server "fe9" | did you mean fe1?',
    '7: the parameter "t" has no value | pass --set t=VALUE',
  })
end

T["phases group statements in the order of the file"] = function()
  local loaded = lab.body('phase "Prepare" {\n  step "a" { warn "1" },\n  phase "Inner" {\n'
    .. '    step "b" { warn "2" },\n  },\n}\nstep "c" { warn "3" }')
  expect.equal(lab.errors(loaded), host.list {})
  local seen = host.list {}
  for index, item in ipairs(loaded.runbook.items) do
    seen[index] = item.title .. ": " .. tostring(item.phase)
  end
  expect.equal(seen, host.list { "a: Prepare", "b: Prepare / Inner", "c: nil" })
end

T["a guard tells every condition that fails, why it is there, and what helps"] = function()
  lab.body('guard "g" { db.secondary:is "online", chat:has { version = at_most(3) },\n'
    .. '  because = "Why", hint = "Help" }\nstep "s" { warn "x" }')
  local result = lab.perform(lab.world(), 1)
  expect.equal(result.outcome, "refused")
  expect.equal(result.reason, "the secondary of mgc on sql3 (/site/sql3/mgc.db) is restoring, "
    .. "wanted online; the pool chat has version 7, wanted at most 3. Why. Help")
end

T["either holds when one of its conditions does, and else tells them all"] = function()
  lab.body 'guard "g" { either { db.secondary:is "online", chat:is "Normal" } }'
  local world = lab.world()
  expect.equal(lab.perform(world, 1).outcome, "kept")
  world.facts["pool:chat"].state = "FailedOver"
  local result = lab.perform(world, 1)
  expect.equal(result.outcome, "refused")
  expect.equal(result.reason, "the secondary of mgc on sql3 (/site/sql3/mgc.db) is restoring, "
    .. "wanted online; the pool chat is FailedOver, wanted Normal")
  world.facts["database:mgc.secondary"].state = "online"
  expect.equal(lab.perform(world, 1).outcome, "kept")
end

T["a guard can be waived by its named setting, with a reason"] = function()
  local body = 'guard "g" { db.secondary:is_not { "restoring", "standby" }, override = "anyway" }\n'
    .. 'step "s" { warn "x" }'
  lab.body(body)
  expect.equal(lab.perform(lab.world(), 1).outcome, "refused")
  local loaded = lab.body(body, { set = { anyway = "a drill" } })
  expect.equal(loaded.runbook.params.anyway, { type = "override", value = "a drill" })
  local world = lab.world()
  local result = lab.perform(world, 1)
  expect.equal(result.outcome, "skipped")
  expect.truthy(result.reason:find("waived by anyway: a drill", 1, true))
  expect.equal(world.notes[1].kind, "warning")
end

T["a gate that is answered with no refuses"] = function()
  lab.body('gate "Go?" { says = "Last chance." }\nstep "s" { warn "x" }')
  local world = lab.world()
  expect.equal(lab.perform(world, 1).outcome, "kept")
  expect.equal(world.asked[1].lines, host.list { "Last chance." })
  world.says = "no"
  local result = lab.perform(world, 1)
  expect.equal({ result.outcome, result.reason }, { "refused", "Go? was not approved by ada" })
end

local early = { since = "2026-11-20T10:00:00.042Z", ["until"] = "2026-12-04T10:00:00.042Z",
  remaining_ms = 5000 }

T["a gate that is reached too early parks the run, whatever the answer would be"] = function()
  lab.body('gate "Go?" { after = "14d" }\nstep "s" { warn "x" }')
  local world = lab.world()
  expect.equal(lab.perform(world, 1).outcome, "kept")
  world.reached, world.asked = early, {}
  local result = lab.perform(world, 1)
  expect.equal({ result.outcome, result.reason }, { "parked", "it waits until 2026-12-04 10:00:00 "
    .. "UTC: 14d after it was first reached, 2026-11-20 10:00:00 UTC" })
  expect.equal(result.parked, { since = early.since, ["until"] = early["until"],
    waits_for = "time" })
  expect.equal(#world.asked, 0)
end

T["only the named reason shortens what a gate waits"] = function()
  local body = 'gate "Go?" { after = "14d", override = "now" }\nstep "s" { warn "x" }'
  lab.body(body)
  local world = lab.world()
  world.reached = early
  expect.equal(lab.perform(world, 1).outcome, "parked")
  local loaded = lab.body(body, { set = { now = "the pilots are content" } })
  expect.equal(loaded.runbook.params.now, { type = "override", value = "the pilots are content" })
  expect.equal(lab.perform(world, 1).outcome, "kept")
  expect.equal(world.notes[1].kind, "warning")
  expect.equal(world.notes[1].text,
    "Go?: its 14d are not waited for; waived by now: the pilots are content")
end

T["a gate that nobody answers parks the run only where it says so"] = function()
  lab.body('gate "Go?" { parks = true }\nstep "s" { warn "x" }')
  local world = lab.world()
  world.says = "later"
  local result = lab.perform(world, 1)
  expect.equal({ result.outcome, result.reason }, { "parked", "nobody has answered yet" })
  expect.equal(result.parked, { since = "2026-11-20T10:00:00.000Z", waits_for = "answer" })
  expect.equal(world.asked[1].parks, true)
  world.says = "no"
  expect.equal(lab.perform(world, 1).outcome, "refused")
  lab.body('gate "Go?" {}\nstep "s" { warn "x" }')
  world.says = "later"
  expect.equal(lab.perform(world, 1).outcome, "refused")
  expect.equal(world.asked[3].parks, nil)
end

T["a gate that only parks is put, also when the clock was set back"] = function()
  lab.body('gate "Go?" { parks = true }\nstep "s" { warn "x" }')
  local world = lab.world()
  world.reached = early
  expect.equal(lab.perform(world, 1).outcome, "kept")
  expect.equal(#world.asked, 1)
end

local statement = 'sql.change { on = db.secondary, statement = "x" }'

T["a failed change is tried again when that may help"] = function()
  lab.body('step "s" { ' .. statement .. ', retry = { times = 3, every = "10s" }, timeout = "2m" }')
  local world = lab.world()
  world.play = function(effect, w)
    expect.equal(effect.timeout_ms, 120000)
    if #w.changes < 3 then
      return { outcome = "failed", reason = "no route", error = { code = "unreachable" } }
    end
  end
  expect.equal(lab.perform(world, 1).outcome, "changed")
  expect.equal({ #world.changes, world.clock }, { 3, 1020000 })
  expect.equal(world.notes[1].text, "attempt 2 of 3 in 10 s: no route")
end

T["what may have happened is never tried again"] = function()
  for _, outcome in ipairs { "timeout", "unknown", "interrupted", "diverged" } do
    lab.body('step "s" { ' .. statement .. ", retry = { times = 3 } }")
    local world = lab.world()
    world.play = function()
      return { outcome = outcome, error = { code = "unreachable" } }
    end
    expect.equal(lab.perform(world, 1).outcome, outcome)
    expect.equal(#world.changes, 1)
  end
end

T["a failed step says what the runbook advises"] = function()
  lab.body('step "s" { ' .. statement .. ', on_failure = "Call the storage team." }')
  local world = lab.world()
  world.play = function()
    return { outcome = "failed", reason = "disk full" }
  end
  expect.equal(lab.perform(world, 1).reason, "disk full. What to do: Call the storage team.")
end

T["a step that declares its undo is taken back by it, and not by those of its actions"] = function()
  lab.body('step "s" { ' .. statement .. ", undo = { " .. statement:gsub("x", "y") .. " } }")
  local world = lab.world()
  lab.perform(world, 1)
  expect.equal(world.changes[1].undo, { declared = true })
  local result = lab.take_back(world, { index = 1, action = 0, undo = { declared = true } })
  expect.equal({ result.outcome, world.changes[2].statement, world.changes[2].undo },
    { "changed", "y" })
end

T["a step is gone on with at the action that was under way"] = function()
  lab.body('step "s" { ' .. statement .. ", " .. statement:gsub("x", "y") .. " }")
  local world = lab.world()
  local result = lab.perform(world, 1, 2, true)
  expect.equal({ result.outcome, #world.changes, world.changes[1].statement, #result.actions,
    result.actions[1].outcome, result.actions[2].outcome },
    { "changed", 1, "y", 2, "kept", "changed" })
  lab.body 'step "s" { verify { db.secondary:is "restoring" }, verify { chat:is "Normal" } }'
  expect.equal(lab.perform(lab.world(), 1, 2, true).outcome, "changed")
  expect.equal(lab.perform(lab.world(), 1, 2, false).outcome, "kept")
end

T["an action is taken back unless it is so already"] = function()
  lab.body('step "s" { pool.set_state(chat, "FailedOver") }')
  local world = lab.world()
  world.facts["database:mgc.secondary"].state = "online"
  lab.perform(world, 1)
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  local back = { index = 1, action = 1, undo = world.changes[1].undo }
  expect.equal(world.facts["pool:chat"].state, "FailedOver")
  expect.equal(lab.take_back(world, back).outcome, "changed")
  expect.equal(world.facts["pool:chat"].state, "Normal")
  expect.equal(lab.take_back(world, back).outcome, "kept")
  expect.equal(#world.changes, 2)
end

T["what cannot be reached is not taken back blindly"] = function()
  lab.body('step "s" { log_shipping.remove(db.secondary) }')
  local world = lab.world()
  world.facts["database:mgc.secondary"].log_shipping_job = "{}"
  lab.perform(world, 1)
  world.facts["database:mgc.secondary"] = { state = "unreachable" }
  local result = lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect.equal({ result.outcome, result.reason },
    { "refused", "database:mgc.secondary is unreachable" })
end

T["only the first change of an action tells how to take it back"] = function()
  local loaded = lab.body [[
local twice = primitive {
  name = "twice", args = {},
  resource = function() return "sql:note" end,
  changes = function()
    local row = { row = "sql.execute", args = { server = "app", sql = "x" } }
    return { { statement = "one", row = row.row, args = row.args },
      { statement = "two", row = row.row, args = row.args } }
  end,
  undo = function() return { { statement = "back", row = "sql.execute", args = {} } } end,
}
step "s" { twice(), twice() }
]]
  expect.equal(lab.errors(loaded), host.list {})
  local world = lab.world()
  lab.perform(world, 1)
  expect.equal({ #world.changes, world.changes[1].undo ~= nil, world.changes[2].undo ~= nil,
    world.changes[3].undo ~= nil, world.changes[4].undo ~= nil }, { 4, true, false, true, false })
end

T["what may be made again is not left out, and nobody has to find out"] = function()
  lab.body [[
local fill = primitive {
  name = "fill", args = {}, resource = function() return "sql:note" end, harmless = "a test",
  changes = function()
    return { { statement = "a", row = "sql.execute", args = {}, repeatable = true },
      { statement = "b", row = "sql.execute", args = {} } }
  end,
}
step "s" { fill() }
]]
  local world = lab.world()
  lab.perform(world, 1)
  expect.equal({ world.changes[1].assumed == nil, world.changes[1].once == nil,
    world.changes[2].assumed, world.changes[2].once }, { true, true, true, true })
end

T["an undo that says nothing puts back what was there"] = function()
  lab.body [[
local queue = sql.facts "queue" { on = db.secondary, query = "x" }
step "s" { sql.change { on = db.secondary, statement = "x", becomes = { [queue] = { rows = 0 } },
  undo = { statement = "y" } } }
]]
  local world = lab.world { ["sql:queue"] = { rows = 3, age = 7 } }
  lab.perform(world, 1)
  local back = { index = 1, action = 1, undo = world.changes[1].undo }
  expect.equal(back.undo.now, { ["sql:queue"] = { rows = 3 } })
  expect.equal(lab.take_back(world, back).outcome, "changed")
  expect.equal(world.changes[2].becomes, { ["sql:queue"] = { rows = 3 } })
  expect.equal(lab.take_back(world, back).outcome, "kept")
end

-- An undo of two parts, of which the first puts back the only fact there is.
local two_parts = [[
local note = sql.facts "note" { on = db.secondary, query = "x" }
local function run(statement)
  return sql.change { on = db.secondary, statement = statement }
end
local write = primitive {
  name = "write", args = {}, resource = function() return note end,
  wants = function() return { rows = 1 } end,
  changes = function() return run "write" end,
  undo = function() return { run "wipe", run "tell" } end,
}
step "s" { write() }
]]

T["an undo of several parts is not over when the first has put the facts back"] = function()
  lab.body(two_parts)
  local world = lab.world { ["sql:note"] = { rows = 0 } }
  lab.perform(world, 1)
  local back = { index = 1, action = 1, undo = world.changes[1].undo }
  world.facts["sql:note"].rows = 0
  expect.equal(lab.take_back(world, back).outcome, "kept")
  back.begun = true
  expect.equal(lab.take_back(world, back).outcome, "changed")
  expect.equal({ #world.changes, world.changes[2].statement, world.changes[3].statement },
    { 3, "wipe", "tell" })
  expect.equal({ world.changes[2].once, world.changes[3].once }, { true, true })
end

T["an undo goes on behind a part whose time is over"] = function()
  lab.body [[
local late = primitive {
  name = "late", args = {}, resource = function() return "sql:note" end,
  moot = function() return "skipped", "too late" end,
  changes = function() return {} end,
}
local function run(statement)
  return sql.change { on = db.secondary, statement = statement }
end
local one = primitive {
  name = "one", args = {}, resource = function() return "sql:note" end,
  changes = function() return run "one" end,
  undo = function() return { late(), run "back" } end,
}
step "s" { one() }
step "t" { run "two", undo = { late(), run "back too" } }
]]
  local world = lab.world()
  lab.perform(world, 1)
  lab.perform(world, 2)
  local back = { index = 1, action = 1, undo = world.changes[1].undo }
  expect.equal(lab.take_back(world, back).outcome, "changed")
  back = { index = 2, action = 0, undo = { declared = true } }
  expect.equal(lab.take_back(world, back).outcome, "changed")
  expect.equal({ world.changes[3].statement, world.changes[4].statement }, { "back", "back too" })
end

T["what is no change is named"] = function()
  for _, given in ipairs { "7", "{ 7 }", "true" } do
    lab.body('local odd = primitive { name = "odd", args = {}, '
      .. 'resource = function() return "sql:note" end, '
      .. "changes = function() return " .. given .. ' end }\nstep "s" { odd() }')
    expect.raises("changes are actions in a list, not a", lab.perform, lab.world(), 1)
  end
end

T["a step stops at the first action that does not succeed"] = function()
  lab.body('step "s" { verify { db.secondary:is "online" }, ' .. statement .. " }")
  local world = lab.world()
  local result = lab.perform(world, 1)
  expect.equal({ result.outcome, #result.actions, #world.changes }, { "diverged", 1, 0 })
end

T["waiting looks again until the condition is true"] = function()
  local world = lab.world()
  world.on_sleep = function(w)
    w.facts["database:mgc.secondary"].state = w.slept >= 3 and "online" or "restoring"
  end
  local result = lab.step(world, 'wait_until { db.secondary:is "online", every = "1s" }')
  expect.equal({ result.outcome, world.slept }, { "kept", 3 })
end

T["waiting ends at its timeout, with what was found"] = function()
  local world = lab.world()
  local result = lab.step(world, 'wait_until { db.secondary:is "online", timeout = "2s" }')
  expect.equal({ result.outcome, world.slept }, { "timeout", 4 })
  expect.truthy(result.reason:find("not within 2 s: the secondary of mgc", 1, true))
end

T["asking goes on after yes only"] = function()
  local world = lab.world()
  expect.equal(lab.step(world, 'ask "Are the front ends stopped?"').outcome, "kept")
  world.says = "no"
  expect.equal(lab.step(world, 'ask "Are the front ends stopped?"').reason,
    "Are the front ends stopped?: answered no by ada")
end

T["a runbook cannot change what others use"] = function()
  local errors = lab.errors(lab.body('string.upper = nil\nlog_backups.apply = nil\n'
    .. 'params.pool = 3\ndb.primary = 1\nstep "a" { warn "x" }'))
  expect.equal(#errors, 4)
  expect.equal(lab.errors(lab.body 'step "a" { warn(string.upper "x") }'), host.list {})
end

T["facts are validated against the schema"] = function()
  lab.body 'step "a" { warn "x" }'
  local function observe(value)
    return drive(function()
      return lab.host.observe { resource = "pool:chat" }
    end, function()
      return { ok = true, value = value }
    end)
  end
  expect.equal(observe { state = "Normal", active_servers = host.list {}, version = 1, near = {} },
    { state = "Normal", active_servers = host.list {}, version = 1 })
  expect.raises('the fact "state" of pool:chat cannot be "Odd"', observe, { state = "Odd" })
  expect.raises('the fact "version" of pool:chat is text, not int', observe, { version = "1" })
end

T["every resource of the site can be observed"] = function()
  local ids = host.list {}
  for index, each in ipairs(lab.host.resources { site = lab.site() }) do
    ids[index] = each.id
  end
  expect.equal(ids, host.list { "database:mgc.primary", "database:mgc.mirror", "mirror:mgc.mirror",
    "database:mgc.secondary", "database:mgc.secondary_mirror", "mirror:mgc.secondary_mirror",
    "log_backups:mgc.secondary", "log_chain:mgc.secondary", "tail:mgc.primary", "sql:mgc.known",
    "sql:mgc.kept", "database:mgccomp.primary", "sql:mgccomp.backlog", "pool:chat" })
  for _, id in ipairs(ids) do
    local facts = drive(function()
      return lab.host.observe { resource = id, site = lab.site() }
    end, function(effect)
      expect.equal(effect.op, "call")
      return { ok = false, error = { code = "unreachable", message = "no answer" } }
    end)
    expect.equal(type(facts), "table")
  end
end

T["the vocabulary describes itself for the reference"] = function()
  local seen = {}
  for _, each in ipairs(lab.host.primitives()) do
    expect.truthy(type(each.doc) == "string" and #each.doc > 10, each.name .. " has no doc")
    expect.truthy(each.usage, each.name .. " has no usage")
    seen[each.name] = each.undo
    for _, arg in ipairs(each.args) do
      expect.truthy(arg.doc, each.name .. "." .. arg.name .. " has no doc")
    end
  end
  expect.equal(seen["log_shipping.remove"], "automatic")
  expect.equal(seen["database.recover"], "point of no return")
  expect.equal(lab.host.schema().database.lsn.volatile, true)
end

return T
