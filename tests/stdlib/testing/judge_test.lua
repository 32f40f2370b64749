-- What came of a test against what it expects: when it passes, and how a difference is shown.
local lab = require_module "lab"
local diff = require "bascule/testing/diff"
local pattern = require "bascule/testing/pattern"
local T = {}

-- The account of a run that did all there was to do.
local function account(changed)
  local base = {
    outcome = "done", reason = "", item = "Tell", resumed = 0, says = host.list { "It is over." },
    steps = host.list { { title = "Copy", outcome = "changed", reason = "" },
      { title = "Tell", outcome = "kept", reason = "it is so" } },
    statements = host.list { "copy 2 files", "apply 2 files", "go online" },
    facts = { ["pool:chat"] = { state = "FailedOver", version = 3,
      active_servers = host.list { "fe3", "fe4" } } },
    violations = host.list {},
  }
  for key, value in pairs(changed or {}) do
    base[key] = value
  end
  return base
end

local function judge(expect_source, changed)
  local loaded = lab.host.tests { path = "x_test.lua",
    source = 'tests "failover.lua" { site = "s", facts = "f" }\ntest "t" { expect = {'
      .. expect_source .. "} }" }
  expect.equal(lab.errors(loaded), host.list {})
  return lab.host.tests_judge { index = 1, account = account(changed) }
end

local function passes(expect_source, changed)
  expect.equal(judge(expect_source, changed), host.list {})
end

local function differs(expect_source, about, lines, changed)
  expect.equal(judge(expect_source, changed),
    host.list { { about = about, lines = host.list(lines) } })
end

T["a star stands for anything, everything else for itself"] = function()
  expect.truthy(pattern.is_in("copy", "copy 2 files"))
  expect.truthy(pattern.is_in("co*fi", "copy 2 files"))
  expect.truthy(pattern.is_in("", "x"))
  expect.truthy(not pattern.is_in("fi*co", "copy 2 files"))
  expect.truthy(not pattern.is_in("c.py", "copy 2 files"))
  expect.truthy(pattern.is_whole("copy*", "copy 2 files"))
  expect.truthy(pattern.is_whole("*files", "copy 2 files files"))
  expect.truthy(not pattern.is_whole("opy*", "copy 2 files"))
  expect.truthy(not pattern.is_whole("copy*file", "copy 2 files"))
end

T["an outcome that is not named is done"] = function()
  passes "changes = 3"
  differs("changes = 3", "outcome", { "- done", '+ refused at "Tell": it rains' },
    { outcome = "refused", reason = "it rains" })
end

T["where and why a run stopped is compared"] = function()
  local refused = { outcome = "refused", reason = "the primary answers; beware" }
  passes('outcome = "refused", reason = "primary * beware", stops_at = "Tell"', refused)
  differs('outcome = "refused", reason = "gap"', "reason",
    { "- gap", "+ the primary answers; beware" }, refused)
  differs('outcome = "refused", stops_at = "Copy"', "stops_at",
    { "- Copy", '+ refused at "Tell": the primary answers; beware' }, refused)
end

T["statements are all of them, in order"] = function()
  passes 'statements = { "copy", "apply * files", "go online" }'
  differs('statements = { "copy", "apply" }', "statements",
    { "  copy 2 files", "  apply 2 files", "+ go online" })
  differs('statements = { "apply", "copy", "go online" }', "statements",
    { "- apply", "  copy 2 files", "+ apply 2 files", "  go online" })
  differs('statements = { "copy", "apply 3 files", "go online" }', "statements",
    { "  copy 2 files", "- apply 3 files", "+ apply 2 files", "  go online" })
end

T["some statements are in order with others between, others must not be there"] = function()
  passes 'including = { "copy", "online" }'
  passes 'without = { "drop" }'
  differs('including = { "online", "copy" }', "including",
    { "- online", "  copy 2 files", "+ apply 2 files", "+ go online" })
  differs('without = { "apply *" }', "without", { "- not apply *", "+ apply 2 files" })
end

T["the number of changes is shown with the changes"] = function()
  differs("changes = 1", "changes", { "- 1 change", "+ 2 changes", "+ a", "+ b" },
    { statements = host.list { "a", "b" } })
end

T["facts are compared key by key"] = function()
  passes('facts = { ["pool:chat"] = { state = "Failed*", version = at_least(2),\n'
    .. 'active_servers = { "fe3", "fe4" } } }')
  differs('facts = { ["pool:chat"] = { state = "Normal", version = at_most(2) } }',
    "facts of pool:chat",
    { "- state: Normal", "+ state: FailedOver", "- version: at most 2", "+ version: 3" })
  differs('facts = { ["pool:talk"] = { state = "Normal" } }', "facts of pool:talk",
    { "- state: Normal", "+ state: nothing is known of it" })
  differs('facts = { ["mirror:x.y"] = { state = "none" } }', "facts of mirror:x.y",
    { "- state: none", "+ state: nothing is known of it" },
    { facts = { ["mirror:x.y"] = { state = host.null } } })
end

T["a fact that is known only afterwards is never as expected"] = function()
  differs('facts = { ["database:x.y"] = { fork = "*" } }', "facts of database:x.y",
    { "- fork: *", "+ fork: unknown<text>, known only when it is done" },
    { facts = { ["database:x.y"] = { fork = { ["$unknown"] = "text" } } } })
end

T["steps are compared by their outcome"] = function()
  passes 'steps = { Copy = "changed" }'
  differs('steps = { Copy = "changed", Tell = "changed" }', "steps",
    { "- Tell: changed", "+ Tell: kept: it is so" })
end

T["what is said and how often it was resumed is compared"] = function()
  passes 'says = { "over" }, resumed = 0'
  differs('says = { "nothing" }', "says", { "- nothing", "+ It is over." })
  differs("resumed = 1", "resumed", { "- 1 time", "+ 0 times" })
end

T["a fault that did not happen is a difference"] = function()
  differs("changes = 3", "fault", { "- it happens", "+ it never came to that" },
    { missed = "it never came to that" })
end

T["what is broken is a difference unless it is expected"] = function()
  local broken = { violations = host.list {
    { title = "nothing is done twice", text = "CALL", step = "Copy" } } }
  passes('violates = { "done twice" }', broken)
  differs("changes = 3", "violates", { '+ nothing is done twice: in "Copy", CALL' }, broken)
  differs('violates = { "done twice" }', "violates", { "- done twice" })
end

T["lines are shown as they are on request"] = function()
  expect.equal(diff.of({ "  a", "b" }, { "  a", "c" }, rawequal, tostring),
    { "    a", "- b", "+ c" })
  expect.equal(diff.of({ "  a" }, { "  a" }, rawequal), { "   a" })
end

T["a long text is cut where a character ends, and a long list is not aligned"] = function()
  expect.equal(diff.shown(("x"):rep(239) .. "–y"), ("x"):rep(239) .. "…")
  local many = {}
  for index = 1, 600 do
    many[index] = "line " .. index
  end
  expect.equal(#diff.of(many, many, pattern.is_in), 1200)
end

return T
