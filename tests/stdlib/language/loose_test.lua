-- Actions and conditions that no statement takes are mistakes.
local lab = require_module "lab"
local T = {}

local fine = '\nstep "fine" { sessions.kill_all(db.secondary) }'

-- The body of a runbook begins in line 3.
local function expect_mistakes(body, ...)
  expect.equal({ body, lab.errors(lab.body(body .. fine)) }, { body, host.list { ... } })
end

local function expect_fine(...)
  for _, body in ipairs { ... } do
    expect_mistakes(body)
  end
end

local function action(line, name, outline)
  return ('%d: this %s is in no step, so it would never be carried out | write step "…" { %s }')
    :format(line, name, outline)
end

local function condition(line)
  return ("%d: this condition is in no guard and no verify, so it would never be checked | write "
    .. 'guard "…" { … }, or step "…" { verify { … } }'):format(line)
end

T["an action outside of every step is a mistake, whatever it does"] = function()
  local argv = '{ argv = { "/bin/true" } }'
  expect_mistakes('local f = command.facts "f" ' .. argv .. "\nverify { f:has { exit = 0 } }",
    action(4, "verify", "verify { … }"))
  expect_mistakes("command.run " .. argv, action(3, "command.run", "command.run { … }"))
  expect_mistakes('wait_until {\n  chat:is "Normal",\n  timeout = "1s",\n}',
    action(3, "wait_until", "wait_until { … }"))
  expect_mistakes('pool.set_state(chat, "Normal")',
    action(3, "pool.set_state", "pool.set_state(…)"))
  expect_mistakes('log_backups.apply(db.secondary) warn "x"',
    action(3, "log_backups.apply", "log_backups.apply(…)"), action(3, "warn", 'warn "…"'))
  expect_mistakes('local greet = require "greet"\ngreet(db.primary, "x")',
    action(4, "greet", "greet(…)"))
end

T["each is told once with its own line"] = function()
  expect_mistakes('pool.close(chat)\nstep "a" { pool.close(chat) }\nask "Go on?"',
    action(3, "pool.close", "pool.close(…)"), action(5, "ask", 'ask "…"'))
  expect_mistakes("for _ = 1, 3 do\n  pool.close(chat)\nend",
    action(4, "pool.close", "pool.close(…)"))
  local loaded = lab.body('verify { chat:is "Normal" }' .. fine)
  expect.equal({ loaded.errors[1].file, loaded.errors[1].text },
    { "test.lua", 'verify { chat:is "Normal" }' })
end

T["an action that is made in a function and dropped there, or by its caller, is one"] = function()
  expect_mistakes("local function close()\n  pool.close(chat)\nend\nclose()",
    action(4, "pool.close", "pool.close(…)"))
  expect_mistakes("local function close()\n  return pool.close(chat)\nend\nclose()",
    action(6, "pool.close", "pool.close(…)"))
  expect_mistakes("if true then pool.close(chat) end", action(3, "pool.close", "pool.close(…)"))
end

T["an action that is kept where nothing reads it is one"] = function()
  expect_mistakes('local check = verify { chat:is "Normal" }', action(3, "verify", "verify { … }"))
  expect_mistakes('local all = {}\nfor i = 1, 2 do\n  all[#all + 1] = warn("x" .. i)\nend',
    action(5, "warn", 'warn "…"'))
end

T["a module is read like the runbook"] = function()
  local loaded = lab.body('local m = require "loose_primitive"\nstep "a" { m.first }')
  expect.equal(lab.errors(loaded), host.list { action(2, "warn", 'warn "…"') })
  expect.truthy(loaded.errors[1].file:find("loose_primitive.lua", 1, true))
end

T["a condition that nothing asks is a mistake"] = function()
  expect_mistakes('chat:is "Normal"', condition(3))
  expect_mistakes('db.primary:is_not "online"\ndb.primary:has { sessions = 0 }', condition(3),
    condition(4))
  expect_mistakes("either {\n  db.secondary:was_recovered(),\n}", condition(3))
  expect_mistakes("local function check()\n  db.mirror:follows(db.primary)\nend\ncheck()",
    condition(4))
end

T["a condition cannot be asked while the runbook is being read"] = function()
  expect_mistakes('if chat:is "Normal" then step "a" { pool.close(chat) } end', condition(3))
end

T["what is only kept for another day is a mistake too"] = function()
  expect_mistakes('local s = pool.close(chat)\nif false then step "a" { s } end',
    action(3, "pool.close", "pool.close(…)"))
  expect_mistakes('local ways = {\n  gentle = pool.close(chat),\n  hard = warn "x",\n}\n'
    .. 'step "a" { ways.hard }', action(4, "pool.close", "pool.close(…)"))
  expect_mistakes('local up = chat:is "Normal"', condition(3))
end

T["an action may be made first and used later"] = function()
  expect_fine('local s = log_backups.apply(db.secondary)\nstep "a" { s }',
    'local s = log_backups.apply(db.secondary) step "a" { warn "x", undo = { s } }',
    'local ways = { gentle = function() return pool.close(chat) end }\nstep "a" { ways.gentle() }',
    'local function close() return pool.close(chat) end\nstep "a" { close() }',
    'local function all()\n  return { warn "x", warn "y" }\nend\nstep "a" (all())',
    'local all = {}\nfor i = 1, 2 do\n  all[i] = warn("x" .. i)\nend\nstep "a" (all)',
    'local function add(title, what)\n  step(title) { what }\nend\nadd("a", pool.close(chat))',
    'local c = pool.close\nlocal x = c(chat) step "a" { x }',
    'phase "p" {\n  step "a" { pool.close(chat) },\n  phase "q" { step "b" { warn "x" } },\n}')
end

T["a primitive of the runbook's own may hold actions"] = function()
  local own = 'local p = primitive { name = "p", args = { { "what", "any" } },\n'
    .. 'resource = function() return chat end, changes = function(a) return a.what end }\n'
  expect_fine(own .. 'local c = pool.close\nstep "a" { p(c(chat)) }',
    own .. 'step "a" { p { { c = { pool.close(chat) } } } }')
  expect_mistakes(own .. "p(pool.close(chat))", action(5, "p", "p(…)"))
end

T["a condition may be kept, given on and combined"] = function()
  expect_fine('local up = chat:is "Normal"\nguard "g" { up }',
    'local up = chat:is "Normal"\nguard "g" { either { up, db.secondary:was_recovered() } }',
    'local up = chat:is "Normal" step "v" { verify { up } }',
    'local is = chat.is step "w" { wait_until { is(chat, "Normal"), timeout = "1s" } }',
    'invariant "i" { chat:is "Normal" }',
    'local function up() return chat:is "Normal" end guard "g" { up() }')
end

T["what a primitive makes while it is performed is not looked for"] = function()
  local loaded = lab.body('local p = primitive { name = "p", args = { { "pool", "pool" } },\n'
    .. '  changes = function(a)\n    chat:is "Normal"\n    pool.close(chat)\n'
    .. '    return { sessions.kill_all(db.secondary) }\n  end }\nstep "a" { p(chat) }')
  expect.equal(lab.errors(loaded), host.list {})
  expect.equal(lab.perform(lab.world(), 1).outcome, "changed")
  expect.equal(lab.errors(lab.body(fine)), host.list {})
end

T["a mistake is not told twice"] = function()
  expect_mistakes('stpe "a" { pool.close(chat) }', '3: unknown name "stpe" | did you mean step?')
  expect_mistakes('guard "a" { pool.close(chat) }',
    "3: a guard does not change anything | put actions into a step")
  expect_mistakes('verify { chat:is "Normal", x = 1 }', '3: verify has no argument "x" | write '
    .. 'verify { db.secondary:is "online" }')
  expect_mistakes("pool.close(chat)\nlocal t = nil\nlocal x = t.y",
    "5: attempt to index a nil value (local 't') | the name before the dot or colon is not known")
end

T["what stands where a statement does not look is a mistake"] = function()
  expect_mistakes('step "a" { warn "x", undo = warn "y" }',
    '3: "undo" of a step must be a table in braces')
  expect_mistakes('step "a" {\n  warn "x",\n  undo = { x = warn "y" },\n}',
    '5: the undo of a step has no "x" | put its actions into the braces without names')
  expect_mistakes('gate "a" { pool.close(chat) }',
    "3: a gate does not change anything | put actions into a step")
  expect_mistakes('gate "a" { chat:is "Normal" }', "3: a gate checks nothing by itself | put "
    .. 'conditions into a guard before it; it asks what says = "…" gives')
  expect_mistakes('phase "a" {\n  x = warn "y",\n}',
    '4: a phase has no "x" | put guard, step and gate into it')
  expect_mistakes('phase "a" (warn "x")', '3: the phase "a" needs braces | write phase "a" { … }')
  expect_mistakes('guard "a" { either { chat:is "Normal", x = chat:is "Normal" } }',
    '3: either takes conditions in braces | write either { db.secondary:is "restoring", '
      .. "db.secondary:was_recovered() }")
end

return T
