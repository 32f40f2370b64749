-- Every mistake that `check` knows, with its line and what to write instead.
local lab = require_module "lab"
local T = {}

-- The body of a runbook begins in line 3; a body of one line is in line 3.
local function mistakes(body, options)
  return lab.errors(lab.body(body, options))
end

local function expect_mistake(body, ...)
  expect.equal(mistakes(body), host.list { ... })
end

local fine = '\nstep "fine" { sessions.kill_all(db.secondary) }'

T["an unknown primitive is named whole, with the nearest one"] = function()
  expect_mistake('step "a" { log_backup.aply(db.secondary) }',
    '3: unknown primitive "log_backup.aply" | did you mean log_backups.apply?')
  expect_mistake('step "a" { log_backups.aply(db.secondary) }',
    '3: unknown primitive "log_backups.aply" | did you mean log_backups.apply?')
end

T["an unknown name gets the nearest one"] = function()
  expect_mistake('stpe "a" { log_backups.apply(db.secondary) }' .. fine,
    '3: unknown name "stpe" | did you mean step?')
  expect_mistake('local x = nobody_knows' .. fine,
    '3: unknown name "nobody_knows" | there is no such name; declare it with "local"')
end

T["a file of tests is no runbook"] = function()
  expect_mistake('local x = tests "failover.lua"' .. fine,
    '3: unknown name "tests" | a file of tests is tried with bascule test')
end

T["either takes conditions, and nothing else"] = function()
  local wrong = "3: either takes conditions in braces | write either { db.secondary:is "
    .. '"restoring", db.secondary:was_recovered() }'
  expect_mistake('guard "g" { either {} }' .. fine, wrong)
  expect_mistake('guard "g" { either { db.secondary } }' .. fine, wrong)
  expect_mistake('guard "g" { either(db.secondary:was_recovered()) }' .. fine, wrong)
  expect_mistake('guard "g" { either { db.secondary:is "restorin", chat:is "Normal" } }' .. fine,
    '3: state of one copy of a database is never "restorin" | did you mean restoring?')
  expect_mistake('guard "g" { either { either { db.primary:is "online" }, chat:is "Normal" } }'
    .. fine)
end

T["what a sandbox lacks says what to use"] = function()
  expect_mistake('os.execute "rm"' .. fine,
    '3: unknown name "os" | a runbook cannot touch the system; use command.run')
  expect_mistake('local f = io.open("x"):read "a"' .. fine,
    '3: unknown name "io" | a runbook cannot touch files; use file.copy')
end

T["a global must be declared"] = function()
  expect_mistake('answer = 42' .. fine,
    '3: "answer" is assigned without being declared | write local answer = …')
end

T["one mistake gives one error, however it is used afterwards"] = function()
  expect_mistake('local x = pol.near.far(1).away + 1\nlocal y = #x < x:z()\n'
    .. 'for _, each in ipairs(x) do step(each) end' .. fine,
    '3: unknown primitive "pol.near" | did you mean pool?')
end

T["all mistakes are told at once, in the order of the file"] = function()
  expect_mistake('step "a" { log_backup.apply(db.secondary) }\n'
    .. 'step "b" { log_backups.apply(db.primary) }\nstep "c" {}\n'
    .. 'step "d" { sessions.kill_all(), optinal = true }',
    '3: unknown primitive "log_backup.apply" | did you mean log_backups.apply?',
    '4: log_backups.apply takes the secondary copy of a database as "copy", not the primary of mgc '
      .. 'on sql1 (/site/sql1/mgc.db) | did you mean .secondary?',
    '5: the step "c" is empty | give it an action, or remove it',
    '6: sessions.kill_all needs "copy": a copy of a database | write '
      .. 'sessions.kill_all(db.secondary)',
    '6: a step has no "optinal" | did you mean optional?')
end

T["a mistake quotes its line"] = function()
  local loaded = lab.body('step "a" {\n  sessions.kill(db.secondary),\n}')
  expect.equal(loaded.errors[1].text, "sessions.kill(db.secondary),")
  expect.equal(loaded.errors[1].file, "test.lua")
  expect.equal(loaded.errors[1].line, 4)
end

T["a database is not one of its copies"] = function()
  expect_mistake('step "a" { sessions.kill_all(db) }',
    '3: sessions.kill_all takes a copy of a database as "copy", not the database mgc | write one '
      .. 'of its copies, for example .secondary')
  expect_mistake('guard "a" { db:is "online" }' .. fine,
    '3: the database mgc has no "is" | a database has several copies; ask one of them, for example '
      .. '.secondary:is')
end

T["arguments are counted, named and typed"] = function()
  expect_mistake('step "a" { pool.set_state(chat, "Failedover") }',
    '3: pool.set_state takes "Normal" or "FailedOver" as "state", not "Failedover" | did you mean '
      .. 'FailedOver?')
  expect_mistake('step "a" { pool.set_state(chat) }',
    '3: pool.set_state needs "state": one of a few words | write '
      .. 'pool.set_state(chat, "FailedOver")')
  expect_mistake('step "a" { pool.set_state(chat, "Normal", 3) }',
    '3: pool.set_state takes 2 arguments, not 3 | write pool.set_state(chat, "FailedOver")')
  expect_mistake('step "a" {\n  mirror.install {\n    principal = db.secondary,\n    miror = 1, }}',
    '6: mirror.install has no argument "miror" | did you mean mirror?')
  expect_mistake('step "a" { wait_until { db.secondary:is "online", timeout = "long" } }',
    '3: wait_until takes a duration such as "30s" as "timeout", not "long" | write for example '
      .. '"500ms", "30s" or "5m"')
end

T["a copy that the site does not have is unreachable"] = function()
  local site = lab.site()
  site.databases.mgc.secondary_mirror = nil
  expect.equal(mistakes('local m = db.secondary_mirror' .. fine, { site = site }), host.list {
    '3: database "mgc" has no secondary_mirror in the site litware | the site has: primary, '
      .. 'mirror, secondary; add databases.mgc.secondary_mirror to the site file' })
end

T["a database or pool that the site does not have is unreachable"] = function()
  expect.equal(lab.errors(lab.load('runbook "r" { params = {\n  d = param.database { default = '
    .. '"mgx" },\n  p = param.pool { default = "chatt" } } }\nstep "s" { warn "x" }')), host.list {
      '2: the site litware has no database "mgx" | did you mean mgc?',
      '3: the site litware has no pool "chatt" | did you mean chat?' })
end

T["an unknown role is wrong without a site too"] = function()
  expect.equal(mistakes('step "a" { sessions.kill_all(db.secundary) }',
    { site = false, mode = "check" }), host.list {
      '3: the database ? has no "secundary" | did you mean secondary?' })
end

T["states and facts must exist"] = function()
  expect_mistake('guard "a" { db.secondary:is "restorin" }' .. fine,
    '3: state of one copy of a database is never "restorin" | did you mean restoring?')
  expect_mistake('guard "a" { db.secondary:has { writeable = true } }' .. fine,
    '3: there is no fact "writeable" of one copy of a database | did you mean writable?')
  expect_mistake('guard "a" { db.secondary:has { writable = "yes" } }' .. fine,
    '3: the fact "writable" is bool, so it is never yes')
  expect_mistake('guard "a" { db.secondary.is "online" }' .. fine,
    "3: a condition is asked for with a colon | write :is, :has, … instead of .")
end

T["an undo must be there before the point of no return"] = function()
  expect_mistake('step "a" {\n  sql.change { on = db.secondary, statement = "x" },\n}\n'
    .. 'step "b" { database.recover(db.secondary), point_of_no_return = true }',
    '4: sql.change has no undo, and stands before the point of no return | give it undo = { … }, '
      .. 'or say why none is needed: harmless = "…"')
end

T["an undo, a reason, or no change at all satisfies the rule"] = function()
  local last = '\nstep "z" { database.recover(db.secondary), point_of_no_return = true }'
  local statement = 'sql.change { on = db.secondary, statement = "x"'
  for _, body in ipairs {
    'step "a" { ' .. statement .. ', undo = { statement = "y" } } }',
    'step "a" { ' .. statement .. ' }, harmless = "it is a comment" }',
    'step "a" { ' .. statement .. ' }, undo = { sessions.kill_all(db.secondary) } }',
    'step "a" { verify { db.secondary:is "restoring" } }',
    'step "a" { log_shipping.remove(db.secondary) }',
  } do
    expect.equal(mistakes(body .. last), host.list {})
  end
end

T["after the point of no return no undo is asked for"] = function()
  expect.equal(mistakes('step "z" { database.recover(db.secondary), point_of_no_return = true }\n'
    .. 'step "a" { sql.change { on = db.secondary, statement = "x" } }'), host.list {})
end

T["there is one point of no return, and recovering is it"] = function()
  expect_mistake('step "a" { database.recover(db.secondary), point_of_no_return = true }\n'
    .. 'step "b" { warn "x", point_of_no_return = true }',
    '4: there are two points of no return | the first is the step "a" in line 3')
  expect_mistake('step "a" { database.recover(db.secondary) }',
    "3: database.recover cannot be taken back, so its step is the point of no return | add "
      .. "point_of_no_return = true to the step")
end

T["titles are unique and bodies not empty"] = function()
  expect_mistake('step "a" { warn "x" }\nstep "a" { warn "y" }',
    '4: there are two statements "a" | the first is in line 3; every title must be its own')
  expect_mistake('guard "a" {}' .. fine,
    '3: the guard "a" demands nothing | give it a condition, for example '
      .. 'db.secondary:is "restoring"')
  expect_mistake('step "a"', '3: the step "a" has no body | write step "a" { … }')
  expect_mistake('step { warn "x" }' .. fine, '3: a step needs a title | write step "title" { … }')
  expect_mistake('phase { }' .. fine, '3: a phase needs a title | write phase "title" { … }')
  expect_mistake('step "a\\nb" { warn "x" }' .. fine, "3: the title of a step is not one line | "
    .. "leave out line breaks and other control characters")
end

T["what is shown at the beginning of a line is one line"] = function()
  local hint = " | leave out line breaks and other control characters"
  local function expect_whole(source, ...)
    expect.equal(lab.errors(lab.load(source)), host.list { ... })
  end
  local step = '\nstep "fine" { warn "x" }'
  expect_whole('runbook "r" { summary = "a\\n\\n  1 guard It is down\\n      kept" }' .. step,
    "1: the summary of a runbook is not one line" .. hint)
  expect_whole('runbook "r\\n  1 guard a" { summary = "s" }' .. step,
    "1: the name of a runbook is not one line" .. hint)
  expect_whole('runbook "r" { params = { ["a\\nb"] = param.text { default = "x" } } }' .. step,
    "1: the name of a parameter is not one line" .. hint)
  expect_mistake('step "a" { ask "Go on?\\n\\n  1 guard" }' .. fine, "3: a question is not one line"
    .. hint)
end

T["a gate stands before something, and has a window to show"] = function()
  expect_mistake('step "a" { warn "x" }\ngate "go?" {}',
    '4: nothing comes after the gate "go?" | put it before the step that it is about, or remove it')
  expect_mistake('gate "go?" { shows = { "data_loss_window" } }' .. fine,
    "3: no step after this gate brings a database online, so there is no data loss window to show "
      .. "| put it before the step with database.recover")
  expect_mistake('gate "go?" { shows = { "data_los_window" } }' .. fine,
    '3: a gate cannot show "data_los_window" | did you mean data_loss_window?')
end

T["an override gives a reason"] = function()
  for _, statement in ipairs { 'guard "g" { db.secondary:is "online", override = "now" }',
    'gate "g" { after = "2d", override = "now" }' } do
    for _, reason in ipairs { "", " \t" } do
      local loaded = lab.body(statement .. fine, { set = { now = reason } })
      expect.equal(lab.errors(loaded),
        host.list { '1: now gives no reason | say why: --set now="…"; it is recorded' })
    end
    expect.equal(lab.errors(lab.body(statement .. fine, { set = { now = "a drill" } })),
      host.list {})
  end
end

T["what it costs to take a step back is said in texts"] = function()
  for _, caveats in ipairs { "{ 1 }", '{ why = "x" }', "{ {} }" } do
    expect_mistake(('step "a" { warn "x", caveats = %s }'):format(caveats) .. fine,
      '3: caveats are texts in a list | write caveats = { "New meetings stop working." }')
  end
  expect_mistake('step "a" { warn "x", caveats = "x" }' .. fine,
    '3: "caveats" of a step must be a table in braces')
end

T["a gate waits for a time that can be counted, and only that can be overridden"] = function()
  expect_mistake('gate "go?" { after = "soon" }' .. fine,
    '3: "soon" is not a duration | write for example "30s" or "5m"')
  for _, wait in ipairs { "0s", "99999d", "999999999999d" } do
    expect_mistake(('gate "go?" { after = "%s" }'):format(wait) .. fine,
      "3: a gate waits for more than nothing and at most for 3660d")
  end
  expect_mistake('gate "go?" { parks = "yes" }' .. fine,
    '3: "parks" of a gate must be true or false')
  expect_mistake('gate "go?" { parks = true, override = "now" }' .. fine,
    '3: nothing of this gate can be overridden: it has no "after" | the override of a gate '
      .. "shortens the time that it waits; remove it, or add after")
end

T["the keys of a step have types"] = function()
  expect_mistake('step "a" {\n  warn "x",\n  optional = "yes",\n  timeout = "soon",\n'
    .. '  retry = { time = 3 },\n}',
    '5: "optional" of a step must be true or false',
    '6: "soon" is not a duration | write for example "30s" or "5m"',
    '7: retry has no "time" | did you mean times?')
end

T["what is not an action does not belong into a step"] = function()
  expect_mistake('step "a" { db.secondary:is "online" }',
    "3: a condition is not an action | to check it in a step, write verify { … }")
  expect_mistake('step "a" { sessions.kill_all }',
    "3: sessions.kill_all needs its arguments | write sessions.kill_all(db.secondary)")
  expect_mistake('step "a" { db.secondary }',
    "3: the secondary of mgc on sql3 (/site/sql3/mgc.db) is not an action | say what shall be true "
      .. "of it, for example database.recover(db.secondary)")
  expect_mistake('guard "a" { sessions.kill_all(db.secondary) }' .. fine,
    "3: a guard does not change anything | put actions into a step")
end

T["a mirror belongs to its own principal"] = function()
  expect_mistake('step "a" { mirror.install { principal = db.secondary, mirror = db.mirror } }',
    "3: the mirror of mgc on sql2 (/site/sql2/mgc.db) is not the mirror of the secondary of mgc on "
      .. "sql3 (/site/sql3/mgc.db) | did you mean mirror = db.secondary_mirror?")
end

T["servers of a pool are known, and not too many"] = function()
  expect_mistake('step "a" { pool.set_active_servers(chat, { "fe33" }) }',
    '3: server "fe33" is not in the pool chat | did you mean fe3?')
  local site = lab.site()
  site.pools.chat.maximum_active = 1
  expect.equal(mistakes('step "a" { pool.set_active_servers(chat, { "fe3", "fe4" }) }',
    { site = site }), host.list {
      "3: the pool chat may have 1 active servers at most, not 2 | list fewer servers" })
end

T["the runbook itself has known keys and typed parameters"] = function()
  expect.equal(lab.errors(lab.load('runbook "r" {\n  sumary = "x",\n  params = {\n'
    .. '    a = param.text { defalt = "x" },\n    b = "text",\n    c = param.txt {},\n  },\n}\n'
    .. 'step "s" { warn "x" }', { mode = "check" })), host.list {
      '2: a runbook has no "sumary" | did you mean summary?',
      '4: param.text has no option "defalt" | did you mean default?',
      '5: the parameter "b" has no type | write b = param.text {}, param.pool(), …',
      '6: unknown primitive "param.txt" | did you mean param.text?' })
end

T["a parameter that is not declared is unknown"] = function()
  expect_mistake('local x = params.databse' .. fine,
    '3: the runbook has no parameter "databse" | did you mean database?')
end

T["a setting that the runbook does not have is refused"] = function()
  local loaded = lab.body(fine, { set = { databse = "mgc" } })
  expect.equal(lab.errors(loaded), host.list {
    '1: the runbook has no parameter "databse" | did you mean database?' })
  expect.equal(loaded.errors[1].text, "--set databse=mgc")
end

T["a file without a runbook, or with two, is wrong"] = function()
  expect.equal(lab.errors(lab.load 'step "a" { warn "x" }'), host.list {
    '1: the file declares no runbook | begin it with runbook "name" { summary = "…" }' })
  expect_mistake('runbook "again" {}' .. fine, '3: a file holds one runbook | the first is "test"')
  expect.equal(lab.errors(lab.load 'runbook "empty" {}'), host.list {
    '1: the runbook "empty" has no steps | add step "title" { … }' })
end

T["a syntax error is one error with its line"] = function()
  local source = 'runbook "r" {}\n\nstep "a" { warn "x" \nstep "b" {}'
  expect.equal(lab.errors(lab.load(source)), host.list {
    "4: syntax error: '}' expected (to close '{' at line 3) near 'step'" })
end

T["an error of Lua itself is told with its line"] = function()
  expect_mistake('local t = nil\nlocal x = t.y',
    "4: attempt to index a nil value (local 't') | the name before the dot or colon is not known")
end

T["printing while reading is a mistake"] = function()
  expect_mistake('print "x"' .. fine,
    "3: print says nothing while a runbook is being read | use it in the functions of a primitive")
end

T["reading a runbook has no effects"] = function()
  local effects = 0
  drive(function()
    lab.load(host.module "failover")
  end, function()
    effects = effects + 1
    return true
  end)
  expect.equal(effects, 0)
end

return T
