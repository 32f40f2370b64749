-- Files of tests: what they may say, and every mistake in them.
local lab = require_module "lab"
local T = {}

local head = 'tests "failover.lua" { site = "site.yaml", facts = "facts.json" }\n'

local function load(source)
  return lab.host.tests { path = "x_test.lua", source = source }
end

local items = {
  { index = 1, title = "Remove log shipping" }, { index = 2, title = "Bring it online" },
}
local faults = {
  { name = "lost-after", change = true, look = false },
  { name = "unseen", change = false, look = true },
  { name = "no", change = false, look = false },
}

local function check(source, facts)
  local loaded = load(source)
  expect.equal(lab.errors(loaded), host.list {})
  return lab.host.tests_check { items = items, facts = facts or lab.facts(), faults = faults,
    resources = { "sql:own" } }
end

-- The body begins in line 2.
local function wrong(body, ...)
  expect.equal(lab.errors(load(head .. body)), host.list { ... })
end

-- The same for what only shows beside the runbook.
local function does_not_fit(body, ...)
  expect.equal(lab.errors(check(head .. body)), host.list { ... })
end

T["a test begins with the recorded facts and those that are given"] = function()
  local checked = check(
    'tests "failover.lua" { site = "s", facts = "f", set = { pool = "chat" } }\n'
    .. 'test "t" { given = { ["pool:chat"] = { version = 9 } }, set = { days = 3 },\n'
    .. '  resume = true, expect = { changes = 1 } }')
  local test = checked.tests[1]
  expect.equal(test.facts["pool:chat"].version, 9)
  expect.equal(test.facts["pool:chat"].state, "Normal")
  expect.equal(test.facts["log_chain:mgc.secondary"].problem, "none")
  expect.equal(test.set, { pool = "chat", days = "3" })
  expect.equal(test.resume, true)
  expect.equal(test.line, 2)
end

T["faults come as the walk takes them, in their order"] = function()
  local checked = check(head .. 'test "t" { expect = { changes = 1 }, fault = {\n'
    .. '  { "lost-after", step = "Bring it online", change = 2 },\n'
    .. '  { "unseen", step = "Remove log shipping", look = 3 },\n'
    .. '  { "the primary of mgc comes back", before = "Bring it online" } } }')
  expect.equal(checked.tests[1].faults, host.list {
    { item = 2, fault = "lost-after", nth = 2, looks = false },
    { item = 1, fault = "unseen", nth = 3, looks = true },
    { item = 2, move = "the primary of mgc comes back" },
  })
end

T["a file says what it tests, and holds a test"] = function()
  expect.equal(lab.errors(load ""), host.list {
    '1: the file does not say what it tests | begin it with tests "failover.lua" '
      .. '{ site = "…", facts = "…" }' })
  wrong("", '1: the file has no test | write test "What happens" { expect = { … } }')
  expect.equal(lab.errors(load 'tests "a.lua" {}\ntest "t" { expect = { changes = 0 } }'),
    host.list { '1: tests need "site" | write site = "site.yaml"',
      '1: tests need "facts" | write facts = "facts.json", as bascule observe -o facts.json '
        .. "records them" })
end

T["a test expects something"] = function()
  local nothing = 'the test "t" expects nothing | give it expect = { outcome = "done" }'
  wrong('test "t" { resume = true }', "2: " .. nothing)
  wrong('test "t" { expect = {} }', "2: " .. nothing)
end

T["a key that there is not gets the nearest one, in its line"] = function()
  wrong('test "t" {\n  expct = { changes = 1 }, expect = { changes = 1 } }',
    '3: a test has no "expct" | did you mean expect?')
  wrong('test "t" { expect = { changes = 1,\n  outcom = "done" } }',
    '3: expect has no "outcom" | did you mean outcome?')
  wrong('test "t" { expect = { changes = 1 },\n  fault = { "no", stp = "x" } }',
    '3: a fault has no "stp" | did you mean step?')
end

T["a value of the wrong kind is told"] = function()
  wrong('test "t" { expect = { changes = "1" } }',
    '2: "changes" of expect must be a whole number')
  wrong('test "t" { expect = { changes = 1, statements = "copy" } }',
    '2: "statements" of expect must be texts in braces: { "…", "…" }')
  wrong('test "t" { expect = { changes = 1 }, given = { ["pool:chat"] = "Normal" } }',
    '2: "given" of a test must be facts by resource: { ["pool:chat"] = { state = "Normal" } }')
end

T["a bound is for what is expected, not for what is given"] = function()
  wrong('test "t" { expect = { facts = { ["pool:chat"] = { version = at_least(2) } } } }')
  wrong('test "t" { expect = { changes = 1 },\n'
    .. 'given = { ["pool:chat"] = { version = at_least(2) } } }',
    '3: "given" of a test must be facts by resource: { ["pool:chat"] = { state = "Normal" } }')
end

T["a test cannot do more than a runbook"] = function()
  wrong('local f = io.open "x"\ntest "t" { expect = { changes = 1 } }',
    '2: unknown name "io" | a test touches no file; name site and facts in tests')
  wrong('step "x" {}\ntest "t" { expect = { changes = 1 } }',
    '2: unknown name "step" | a runbook is a file of its own; tests speak of its titles')
end

T["a syntax error has its line"] = function()
  local found = load(head .. 'test "t" { expect = { changes = 1 }').errors
  expect.equal(#found, 1)
  expect.truthy(found[1].message:find("syntax error", 1, true))
end

T["two tests of one title, and a test without braces"] = function()
  local one = 'test "t" { expect = { changes = 1 } }\n'
  wrong(one .. one, '3: there are two tests "t" | the first is in line 2')
  wrong(one .. 'test "u"', '3: the test "u" has no body | write test "What happens" '
    .. "{ expect = { … } }")
end

T["a title that the runbook does not have gets the nearest one"] = function()
  does_not_fit('test "t" { expect = {\n  stops_at = "Bring it onlin" } }',
    '3: the runbook has no statement "Bring it onlin" | did you mean Bring it online?')
  does_not_fit('test "t" { expect = { steps = {\n  ["Remove log shiping"] = "kept" } } }',
    '3: the runbook has no statement "Remove log shiping" | did you mean Remove log shipping?')
end

T["outcomes are words of the language"] = function()
  does_not_fit('test "t" { expect = { outcome = "don" } }',
    '2: "don" is no outcome here | did you mean done?')
  does_not_fit('test "t" { expect = { steps = { ["Bring it online"] = "done" } } }',
    '2: "done" is no outcome here | known are: changed, diverged, failed, interrupted, kept, '
      .. "killed, not reached, parked, refused, skipped, timeout, unknown")
end

T["resources and facts are known ones"] = function()
  does_not_fit('test "t" { given = {\n  ["pool:cat"] = { state = "Normal" } },'
    .. " expect = { changes = 1 } }",
    '3: nothing is known of "pool:cat" | did you mean pool:chat?')
  does_not_fit('test "t" { expect = { facts = { ["pool:chat"] = {\n  stat = "Normal" } } } }',
    '3: there is no fact "stat" of a pool of application servers and which of them are active | '
      .. "did you mean state?")
  does_not_fit('test "t" { given = { ["sql:own"] = { rows = 3 } }, expect = { changes = 1 } }')
end

T["facts that the file gives itself keep the schema"] = function()
  local checked = check('tests "failover.lua" { site = "s", facts = {\n'
    .. '  ["pool:chat"] = { state = "Normal",\n    version = "1" },\n  ["pol:chat"] = {},\n} }\n'
    .. 'test "t" { expect = { changes = 1 } }', {})
  expect.equal(lab.errors(checked), host.list {
    '3: the fact "version" of pool:chat is text, not int | write a whole number',
    "4: pol:chat is of no kind that there is; the kinds are: administration, backup, caveats, "
      .. "command, database, deployment, file, homes, log_backups, log_chain, mirror, pool, "
      .. "services, sql, tail, talk | did you mean pool?",
  })
end

T["a fault has a name, a step, and a number that fits"] = function()
  local function fault(words)
    return ('test "t" { expect = { changes = 1 },\n  fault = { %s } }'):format(words)
  end
  does_not_fit(fault '"lost-aftr", step = "Bring it online"',
    '3: there is no fault "lost-aftr" | did you mean lost-after?')
  does_not_fit(fault '"lost-after"', "3: a fault needs the step that it happens in | write "
    .. '{ "lost-after", step = "…" }, or before = "…" for what the world does')
  does_not_fit(fault '"unseen", step = "Bring it online", change = 2',
    '3: "unseen" does not happen to a change | write look = 2, or leave it out')
  does_not_fit(fault '"no", step = "Bring it online", look = 2',
    '3: "no" does not happen to a look | leave the number out')
  does_not_fit(fault 'before = "Bring it online"',
    '3: nothing happens there | say what: { "the primary of mgc comes back", before = "…" }, '
      .. "or give facts")
  does_not_fit(fault '"no", before = "Bring it online"',
    '3: "no" happens in a step, not before it | write step = "…"')
end

return T
