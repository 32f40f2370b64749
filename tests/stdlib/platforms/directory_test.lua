-- What the driver `sql` makes of the answers to a directory's statements.
local people = require_module "people"
local T = {}

local function counted(statement)
  return ("SELECT count(*) FROM (%s\n) AS counted"):format(statement)
end

T["users are counted by pool, whatever else there is"] = function()
  local facts, asked = people.observe("homes:people.users", {
    ["count user"] = { { "old", 5 }, { "p2", "2" }, { "p9", 3 }, { host.null, 1 } },
    [counted "twice"] = { { 1 } },
  })
  expect.equal(facts, { state = "online", legacy = 5, new = 2, elsewhere = 4, total = 11,
    twice = 1 })
  expect.equal(asked[1].server, "app")
  expect.equal(asked[1].file, "d.db")
end

T["a pool is not empty because its name is written otherwise"] = function()
  expect.equal(people.observe("homes:people.groups",
    { ["count group"] = { { "OLD", 5 }, { "old  ", 1 }, { " old", 1 }, { "P2", 3 } } }),
    { state = "online", legacy = 6, new = 3, elsewhere = 1, total = 10 })
end

T["a pool is empty when nobody is counted in it, and nobody is listed"] = function()
  local answers = { ["count group"] = { { "p2", 5 } }, ["list group"] = host.list {} }
  local facts, asked = people.observe("homes:people.groups", answers)
  expect.equal({ facts.legacy, facts.new }, { 0, 5 })
  expect.equal(asked[2].named, { pool = "old", after = "", limit = 1 })
  answers["list group"] = { { "ann" } }
  expect.equal(people.observe("homes:people.groups", answers), { state = "unreachable",
    reason = "the statement `count` gives nobody for old, and `list` gives ann" })
  answers["list group"] = "locked"
  expect.equal(people.observe("homes:people.groups", answers),
    { state = "unreachable", reason = "locked" })
end

T["whoever comes between counting and listing is counted"] = function()
  local counts = { { { "p2", 5 } }, { { "p2", 5 }, { "old", 1 } } }
  local facts = people.observe("homes:people.groups", {
    ["count group"] = function()
      return table.remove(counts, 1)
    end,
    ["list group"] = { { "ann" } },
  })
  expect.equal({ facts.state, facts.legacy, facts.new }, { "online", 1, 5 })
end

T["what cannot be asked is unreachable, and why"] = function()
  expect.equal(people.observe("homes:people.users", { ["count user"] = "no such table" }),
    { state = "unreachable", reason = "no such table" })
  expect.equal(people.observe("homes:people.users",
    { ["count user"] = { { "old", 5 }, { "p2", 1 } }, [counted "twice"] = "locked" }),
    { state = "unreachable", reason = "locked" })
  expect.equal(people.observe("homes:people.groups", { ["count group"] = { { "old", "many" } } }),
    { state = "unreachable",
      reason = "the statement `count` does not give a number in its second column" })
end

T["each of the pilot is looked for by name"] = function()
  local homes = { ann = { { "old" } }, ["o'brien"] = { { "p2" }, { "old" } } }
  local facts, asked = people.observe("homes:people.pilot", {
    ["find user :name"] = function(named)
      return homes[named.name]
    end,
  })
  expect.equal(facts, { state = "online", legacy = 2, new = 1, elsewhere = 0, total = 2, twice = 1,
    missing = 0, names = host.list { "ann", "o'brien" } })
  expect.equal(asked[1].each, { { name = "ann" }, { name = "o'brien" } })
end

T["a statement may give the pilot"] = function()
  local facts = people.observe("homes:people.pilot", {
    ["who is first"] = { { "bo" } },
    ["find user :name"] = function()
      return host.list {}
    end,
  }, { pilot = "who is first" })
  expect.equal({ facts.names, facts.missing, facts.total }, { host.list { "bo" }, 1, 0 })
  local crowd = {}
  for number = 1, 1001 do
    crowd[number] = { "user" .. number }
  end
  facts = people.observe("homes:people.pilot", { ["who is first"] = crowd },
    { pilot = "who is first" })
  expect.equal(facts.reason, "the statement `pilot` gives 1,001 names, and 1,000 are the most")
end

T["a pool is deployed, retired or not there"] = function()
  local id = "deployment:people.new"
  expect.equal(people.observe(id, { deployment = { { "deployed", "2", "t", "s2" } } }),
    { state = "deployed", pool = "p2", version = "2", replicated = true, store = "s2" })
  expect.equal(people.observe(id, { deployment = { { "retired", 2, 0 } } }),
    { state = "retired", pool = "p2", version = "2", replicated = false })
  expect.equal(people.observe(id, { deployment = host.list {} }),
    { state = "missing", pool = "p2" })
  local facts, asked = people.observe(id, { deployment = { { "odd", "2", 1 } } })
  expect.equal(facts, { state = "missing", pool = "p2", version = "2", replicated = true,
    reason = 'the directory calls its state odd' })
  expect.equal(asked[1].named, { pool = "p2" })
end

T["services run when all of them do"] = function()
  local id = "services:people.legacy"
  expect.equal(people.observe(id, { services = { { "a", "running" }, { "b", "off" } } }),
    { state = "stopped", not_running = host.list { "b" } })
  expect.equal(people.observe(id, { services = { { "a", "running" } } }),
    { state = "running", not_running = host.list {} })
  expect.equal(people.observe(id, { services = host.list {} }), { state = "stopped",
    not_running = host.list {}, reason = "the directory lists no service of old" })
end

T["a pool is administrable when every tool reaches it"] = function()
  local id = "administration:people.new"
  expect.equal(people.observe(id, { administration = { { "a", "reachable" }, { "b", "off" } } }),
    { state = "unreachable", tool = "a, b", reason = "b is off" })
  expect.equal(people.observe(id, { administration = { { "a", "reachable" } } }),
    { state = "reachable", tool = "a" })
  expect.equal(people.observe(id, { administration = host.list {} }).state, "unreachable")
end

-- The facts of talk with so many users in each pool.
local function talk(counts, rows)
  return people.observe("talk:people", { ["count user"] = counts, talk = rows })
end

T["all pools that have users have to reach each other by every channel"] = function()
  local both = { { "old", 5 }, { "p2", 5 } }
  local rows = { { "old", "old", "im", 4211, 0 }, { "old", "p2", "im", 1, 0 },
    { "p2", "old", "im", 1, 0 }, { "p2", "p2", "im", 1, 0 }, { "p9", "old", "im", 0, 7 } }
  local facts = talk(both, rows)
  expect.equal(facts.state, "fine")
  expect.equal(facts.matrix[1], "legacy > legacy im: 4,211 delivered, 0 failed")
  expect.equal(#facts.matrix, 4)
  rows[2][5] = 1
  facts = talk(both, rows)
  expect.equal({ facts.state, facts.reason },
    { "broken", "legacy > new im: 1 delivered, 1 failed" })
  rows[2][5], rows[3][4] = 0, 0
  facts = talk(both, rows)
  expect.equal({ facts.state, facts.reason },
    { "untested", "new > legacy im: 0 delivered, 0 failed" })
  rows[6] = { "old", "p2", "presence", 1, 0 }
  expect.equal(#talk(both, rows).matrix, 8)
end

T["all rows of a pair count, and those that are no numbers are no success"] = function()
  local only = { { "old", 5 } }
  local facts = talk(only, { { "old", "old", "im", 3, 2 }, { "old", "old", "im", 4, 0 } })
  expect.equal({ facts.state, facts.reason },
    { "broken", "legacy > legacy im: 7 delivered, 2 failed" })
  facts = talk(only, { { "old", "old", "im", 3, host.null } })
  expect.equal({ facts.state, facts.reason }, { "unreachable",
    "the statement `talk` does not give numbers in its last two columns" })
end

T["nothing is asked of a pool that nobody is in"] = function()
  local rows = { { "old", "old", "im", 1, 0 } }
  local facts = talk({ { "old", 5 } }, rows)
  expect.equal(facts.state, "fine")
  expect.equal(talk({ { "old", 5 }, { "p2", 1 } }, rows).reason,
    "legacy > new im: 0 delivered, 0 failed")
  facts = talk({ { "old", 5 } }, host.list {})
  expect.equal({ facts.state, facts.reason }, { "untested", "nothing was measured" })
end

T["who is affected by a way back is named, and counted however many they are"] = function()
  local facts, asked = people.observe("caveats:people", {
    [counted "meetings"] = { { 2000 } }, [counted "clients"] = { { 0 } },
    meetings = { { "ann" } }, clients = host.list {},
  })
  expect.equal({ asked[2].sql, asked[2].max_rows, asked[2].cut }, { "meetings", 1000, true })
  expect.equal(facts, { state = "known", meetings = 2000, clients = 0,
    affected = host.list { "ann: meetings scheduled since stop working",
      "1,999 more: meetings scheduled since stop working" } })
  expect.equal(people.observe("caveats:people", { [counted "meetings"] = "gone" }),
    { state = "unreachable", reason = "gone" })
end

T["a cost of which the site file says nothing is not told to be none"] = function()
  local facts = people.observe("caveats:people", {
    [counted "clients"] = { { 0 } },
    clients = host.list {},
  }, { caveats = { clients = "clients" } })
  expect.equal(facts, { state = "known", clients = 0, affected = host.list {} })
end

T["a backup is there or not"] = function()
  expect.equal(people.observe("backup:people", { backup = { { 7 } } }),
    { state = "made", time = "7" })
  expect.equal(people.observe("backup:people", { backup = { { host.null } } }),
    { state = "missing" })
  expect.equal(people.observe("backup:people", { backup = host.list {} }), { state = "missing" })
end

return T
