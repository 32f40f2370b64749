-- A pool behind one HAProxy or several: what is observed, changed, refused and taken back.
local lab = require_module "lab"
local T = {}

local secondary = "database:mgc.secondary"

-- The lab's site with the pool behind HAProxy at these addresses.
local function site(addresses)
  local result = lab.site()
  local instances = host.list {}
  for index, address in ipairs(addresses or { "/run/a" }) do
    instances[index] = { socket = address, state_file = address .. ".states" }
  end
  result.pools.chat = { driver = "haproxy", instances = instances, state_backend = "rw",
    backend = "ro", database = "mgc", maximum_active = 4, servers = { "fe1", "fe2", "fe3", "fe4" } }
  return result
end

local as_normal = { "ro/fe1 ready", "ro/fe2 ready", "ro/fe3 maint", "ro/fe4 maint",
  "rw/sql1 ready", "rw/sql3 maint" }

-- What a HAProxy says, from such words.
local function told(words)
  local servers = host.list {}
  for index, entry in ipairs(words) do
    local backend, server, state = entry:match("^(.-)/(%S+) (%S+)$")
    servers[index] = { backend = backend, server = server, state = state, sessions = 0 }
  end
  return servers
end

-- The facts of the pool when each instance says so: {servers, saved}, or an error's text.
local function observe(answers, addresses)
  lab.load('runbook "r" { params = {} }', { site = site(addresses) })
  local calls = 0
  return drive(function()
    return lab.host.observe { resource = "pool:chat" }
  end, function(effect)
    calls = calls + 1
    local answer = answers[calls]
    expect.equal(effect.row, "pools.haproxy")
    if type(answer) == "string" then
      return { ok = false, error = { code = "unreachable", message = answer } }
    end
    return { ok = true, value = answer }
  end)
end

local function says(words, saved)
  return { servers = told(words), saved = told(saved or words) }
end

-- The words with some of them replaced: with(as_normal, "rw/sql1 maint").
local function with(words, ...)
  local result = host.list {}
  for index, entry in ipairs(words) do
    result[index] = entry
    for _, other in ipairs { ... } do
      if other:match("^%S+") == entry:match("^%S+") then
        result[index] = other
      end
    end
  end
  return result
end

T["a writer on a server that only an old process has is no route, and no known state"] = function()
  local servers = told(as_normal)
  servers[#servers + 1] = { backend = "rw", server = "sql9", state = "gone", sessions = 1 }
  local facts = observe { { servers = servers, saved = told(as_normal) } }
  expect.equal(facts.routes, host.list(as_normal))
  expect.equal({ facts.state, facts.saved, facts.sessions_left }, { nil, true, 1 })
  expect.truthy(facts.reason:find("the sessions on sql9 go on", 1, true))
end

T["a pool is what its HAProxy was told"] = function()
  expect.equal(observe { says(as_normal) }, { state = "Normal",
    active_servers = host.list { "fe1", "fe2" }, routes = host.list(as_normal), saved = true,
    sessions_left = 0 })
  local facts = observe { says(with(as_normal, "rw/sql1 maint", "rw/sql3 ready"), as_normal) }
  expect.equal({ facts.state, facts.saved }, { "FailedOver", false })
  expect.equal(observe { says(as_normal, {}) }.saved, false)
  expect.equal(observe { { servers = told(as_normal) } }.saved, nil)
end

T["who still works at a server that is closed is counted"] = function()
  local answer = says(with(as_normal, "ro/fe1 maint", "ro/fe9 maint"))
  for _, each in ipairs(answer.servers) do
    each.sessions = 3
  end
  answer.servers[#answer.servers + 1] = { backend = "other", server = "x", state = "maint",
    sessions = 100 }
  expect.equal(observe({ answer }).sessions_left, 4 * 3)
end

T["writers who can get to both databases are a split brain"] = function()
  local facts = observe { says(with(as_normal, "rw/sql3 ready")) }
  expect.equal(facts.state, nil)
  expect.equal(facts.reason,
    "split brain: backend rw leads writers to sql1 (primary) and to sql3 (secondary)")
  facts = observe { says(with(as_normal, "rw/sql1 maint")) }
  expect.equal(facts.reason, "backend rw leads to neither the primary nor the secondary")
  facts = observe { says(with(as_normal, "rw/sql1 drain", "rw/sql3 ready")) }
  expect.equal(facts.reason,
    "backend rw leads writers to sql3 (secondary), and the sessions on sql1 (primary) go on")
  local more = with(as_normal)
  more[#more + 1] = "rw/sql9 ready"
  facts = observe { says(more) }
  expect.equal({ facts.state, facts.reason },
    { nil, "backend rw leads writers to sql1 (primary) and to sql9" })
  more[#more] = "rw/sql2 ready"
  expect.equal(observe({ says(more) }).state, "Normal")
end

T["several HAProxy are one pool as far as they agree"] = function()
  local both = { "/run/a", "h:1" }
  local facts = observe({ says(as_normal), says(as_normal) }, both)
  expect.equal({ facts.state, facts.routes }, { "Normal", host.list(as_normal) })
  facts = observe({ says(as_normal),
    says(with(as_normal, "rw/sql1 maint", "rw/sql3 ready", "ro/fe2 maint")) }, both)
  expect.equal({ facts.state, facts.active_servers }, {})
  expect.equal(facts.routes, with(as_normal, "rw/sql1 ready,maint", "rw/sql3 maint,ready",
    "ro/fe2 ready,maint"))
  expect.equal(facts.reason, "split brain: the instances disagree: HAProxy at /run/a: Normal; "
    .. "HAProxy at h:1: FailedOver; the instances disagree: HAProxy at /run/a: active are "
    .. "fe1, fe2; HAProxy at h:1: active are fe1")
  facts = observe({ says(as_normal), says(with(as_normal, "rw/sql3 ready")) }, both)
  expect.equal(facts.reason, "the instances disagree: HAProxy at /run/a: Normal; HAProxy at h:1: "
    .. "split brain: backend rw leads writers to sql1 (primary) and to sql3 (secondary)")
end

T["one that does not answer, or has no such backend, makes the pool unreachable"] = function()
  local both = { "/run/a", "h:1" }
  expect.equal(observe({ says(as_normal), "nobody there" }, both),
    { state = "unreachable", reason = "HAProxy at h:1: nobody there" })
  expect.equal(observe({ says { "rw/sql1 ready" } }),
    { state = "unreachable", reason = "HAProxy at /run/a has no backend ro" })
end

local function facts_of(words, more)
  local facts = lab.facts()
  facts[secondary].state = "online"
  facts[secondary].writable = true
  facts["pool:chat"] = { state = "Normal", active_servers = host.list { "fe1", "fe2" },
    routes = host.list(words), saved = true, sessions_left = 0 }
  for key, value in pairs(more or {}) do
    facts["pool:chat"][key] = value
  end
  return facts
end

local function play(body, facts, addresses, other_site)
  local world = lab.world(facts)
  return lab.step(world, body, { site = other_site or site(addresses) }), world
end

local function expect_outcome(result, outcome, part)
  expect.equal(result.outcome, outcome)
  expect.truthy(not part or tostring(result.reason):find(part, 1, true), tostring(result.reason))
end

local failed_over = with(as_normal, "rw/sql1 maint", "rw/sql3 ready")

T["writers are led to the other database, and back"] = function()
  local result, world = play('pool.set_state(chat, "FailedOver")', facts_of(as_normal))
  expect_outcome(result, "changed")
  local change = world.changes[1]
  expect.equal(change.row, "pools.haproxy_set")
  expect.equal(change.args, { pool = "chat",
    from = { ["rw/sql1"] = host.list { "ready" }, ["rw/sql3"] = host.list { "maint" } },
    to = { ["rw/sql1"] = host.list { "maint" }, ["rw/sql3"] = host.list { "ready" } } })
  expect.equal(change.statement, "set server rw/sql1 state maint; "
    .. "shutdown sessions server rw/sql1; set server rw/sql3 state ready; "
    .. "show servers state > /run/a.states")
  expect.equal(change.becomes, { ["pool:chat"] = { state = "FailedOver", routes = failed_over } })
  local back = { index = 1, action = 1, undo = change.undo }
  expect_outcome(lab.take_back(world, back), "refused", "would use the primary of mgc")
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  expect_outcome(lab.take_back(world, back), "changed")
  expect.equal(world.changes[2].args.to, { ["rw/sql1"] = host.list { "ready" },
    ["rw/sql3"] = host.list { "maint" } })
  expect.equal(world.facts["pool:chat"].state, "Normal")
  expect_outcome(lab.take_back(world, back), "kept")
end

T["what a restart would undo is written down"] = function()
  local state = { state = "FailedOver" }
  expect_outcome(play('pool.set_state(chat, "FailedOver")', facts_of(failed_over, state)), "kept")
  state.saved = false
  local result, world = play('pool.set_state(chat, "FailedOver")', facts_of(failed_over, state))
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].statement, "show servers state > /run/a.states")
  expect.equal(world.changes[1].becomes, { ["pool:chat"] = { saved = true } })
end

T["writers are not led to a database that is down, nor where HAProxy has no server"] = function()
  local facts = facts_of(as_normal)
  facts[secondary].state = "restoring"
  expect_outcome(play('pool.set_state(chat, "FailedOver")', facts), "refused",
    "would use the secondary of mgc, which is restoring")
  expect_outcome(play('pool.set_state(chat, "FailedOver")',
    facts_of { "ro/fe1 ready", "rw/sql1 ready" }), "refused",
    "HAProxy at /run/a has no server rw/sql3")
  local alone = site()
  alone.databases.mgc.secondary, alone.databases.mgc.log_shipping = nil, nil
  expect_outcome(play('pool.set_state(params.pool, "FailedOver")', facts_of(as_normal), nil, alone),
    "refused", "database mgc has no secondary")
  expect_outcome(play('pool.set_state(chat, "FailedOver")', facts_of(as_normal, {
    state = "unreachable", reason = "HAProxy at /run/a: nobody there" })), "refused",
    "cannot be read: HAProxy at /run/a: nobody there")
end

T["a split brain is ended, and taking that back would bring it again"] = function()
  local split = with(as_normal, "rw/sql3 ready")
  local facts = facts_of(split, { reason = "split brain: both" })
  facts["pool:chat"].state = nil
  local result, world = play('pool.set_state(chat, "FailedOver")', facts)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args.to, { ["rw/sql1"] = host.list { "maint" } })
  expect.equal(world.notes[1].text, "the pool chat: split brain: both")
  result = lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect_outcome(result, "skipped", "nobody wants that back")
end

T["instances that disagree are brought together, and never led apart again"] = function()
  local both = { "/run/a", "h:1" }
  local apart = with(as_normal, "rw/sql1 ready,maint", "rw/sql3 maint,ready")
  local facts = facts_of(apart)
  facts["pool:chat"].state = nil
  facts["database:mgc.primary"] = { state = "online", writable = false }
  local result, world = play('pool.set_state(chat, "FailedOver")', facts, both)
  expect_outcome(result, "changed")
  local change = world.changes[1]
  expect.equal(change.statement, "HAProxy at /run/a: set server rw/sql1 state maint; "
    .. "shutdown sessions server rw/sql1; set server rw/sql3 state ready; "
    .. "show servers state > /run/a.states | HAProxy at h:1: show servers state > h:1.states")
  expect.equal(change.args.from["rw/sql1"], host.list { "ready", "maint" })
  expect.equal(change.args.to["rw/sql1"], host.list { "maint", "maint" })
  result = lab.take_back(world, { index = 1, action = 1, undo = change.undo })
  expect_outcome(result, "skipped", "nobody wants that back")
end

T["instances that open different servers of users are put back each as it was"] = function()
  local both = { "/run/a", "h:1" }
  local apart = with(failed_over, "ro/fe3 ready,maint", "ro/fe4 drain")
  local facts = facts_of(apart, { state = "FailedOver" })
  facts["pool:chat"].active_servers = nil
  local _, world = play("pool.set_active_servers(chat, near(db.secondary))", facts, both)
  expect.equal(world.changes[1].statement, "HAProxy at /run/a: set server ro/fe4 state ready; "
    .. "set server ro/fe1 state drain; set server ro/fe2 state drain; "
    .. "set server ro/fe1 state maint; set server ro/fe2 state maint; "
    .. "show servers state > /run/a.states | HAProxy at h:1: set server ro/fe3 state ready; "
    .. "set server ro/fe4 state ready; set server ro/fe1 state drain; "
    .. "set server ro/fe2 state drain; set server ro/fe1 state maint; "
    .. "set server ro/fe2 state maint; show servers state > h:1.states")
end

-- A configuration that is not the same as the other.
T["a server that one instance lacks is left alone there"] = function()
  local both = { "/run/a", "h:1" }
  local function fact_with(...)
    local words = with(as_normal, ...)
    words[#words + 1] = "rw/sql9 ready,none"
    return words
  end
  local other = says(fact_with())
  other.servers = told(as_normal)
  other.saved = told(as_normal)
  local more = with(as_normal)
  more[#more + 1] = "rw/sql9 maint"
  local facts = observe({ says(more), other }, both)
  expect.equal({ facts.state, facts.saved }, { "Normal", true })
  local result, world = play('pool.set_state(chat, "FailedOver")', facts_of(fact_with()), both)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].args.to["rw/sql9"], host.list { "maint", "none" })
  expect.truthy(not world.changes[1].statement:find("none", 1, true), world.changes[1].statement)
  expect.equal(world.facts["pool:chat"].state, "FailedOver")
  local past = fact_with()
  past[#past] = "rw/sql9 drain,none"
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  result, world = play('pool.set_state(chat, "FailedOver")', facts_of(past), both)
  expect_outcome(result, "changed")
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  result = lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo })
  expect_outcome(result, "changed")
  expect.equal(world.changes[2].args.to["rw/sql9"], host.list { "drain", "none" })
end

T["writers of a server that was closed before are seen to"] = function()
  local answer = says(failed_over)
  answer.servers[5].sessions = 2
  local facts = observe { answer }
  expect.equal({ facts.state, facts.sessions_left, facts.reason }, { nil, 2,
    "backend rw leads writers to sql3 (secondary), and the sessions on sql1 (primary) go on" })
  local start = facts_of(failed_over, { sessions_left = 2, reason = facts.reason })
  start["pool:chat"].state = nil
  local result, world = play('pool.set_state(chat, "FailedOver")', start)
  expect_outcome(result, "changed")
  expect.equal(world.changes[1].statement,
    "shutdown sessions server rw/sql1; show servers state > /run/a.states")
  expect.equal(world.changes[1].args.to, {})
  expect.equal(world.facts["pool:chat"].state, "FailedOver")
end

T["sessions that writers have closed are told of, and no more than that"] = function()
  local answer = says(failed_over)
  answer.servers[5].closed = 1
  local facts = observe { answer }
  expect.equal({ facts.state, facts.sessions_left, facts.sessions_closed }, { "FailedOver", 0, 1 })
  local _, world = play('pool.set_state(chat, "FailedOver")',
    facts_of(as_normal, { sessions_closed = 1 }))
  expect.equal(world.notes[1].text, "the pool chat: 1 session of a writer is closed, and not by "
    .. "the server: nothing more is sent through")
end

T["one state file has the lease, in whichever order the instances are"] = function()
  for _, addresses in ipairs { { "/run/a", "/run/b" }, { "/run/b", "/run/a" } } do
    lab.load('runbook "r" { params = {} }', { site = site(addresses) })
    local files = {}
    for _, each in ipairs(lab.host.leases {}) do
      files[each.id] = each.file
    end
    expect.equal(files["pool:chat"], "/run/a.states")
  end
end

T["a state file that cannot be read says nothing"] = function()
  expect.equal(observe({ says(as_normal), { servers = told(as_normal) } },
    { "/run/a", "h:1" }).saved, nil)
  expect.equal(observe({ says(as_normal, {}), { servers = told(as_normal) } },
    { "/run/a", "h:1" }).saved, false)
end

T["users are led to the servers near the primary, and back"] = function()
  local result, world = play("pool.set_active_servers(chat, near(db.secondary))",
    facts_of(failed_over, { state = "FailedOver" }))
  expect_outcome(result, "changed")
  local change = world.changes[1]
  expect.equal(change.statement, "set server ro/fe3 state ready; set server ro/fe4 state ready; "
    .. "set server ro/fe1 state drain; set server ro/fe2 state drain; "
    .. "set server ro/fe1 state maint; set server ro/fe2 state maint; "
    .. "show servers state > /run/a.states")
  expect.equal(change.args.data_centre, "dc2")
  expect.equal(change.becomes["pool:chat"].active_servers, host.list { "fe3", "fe4" })
  local back = { index = 1, action = 1, undo = change.undo }
  expect_outcome(lab.take_back(world, back), "refused", "server fe1 is in data centre dc1")
  world.facts[secondary].state = "restoring"
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  expect_outcome(lab.take_back(world, back), "changed")
  expect.equal(world.facts["pool:chat"].active_servers, host.list { "fe1", "fe2" })
end

T["a pool is closed to writers and users, and opened again as it was"] = function()
  local result, world = play("pool.close(chat)", facts_of(as_normal))
  expect_outcome(result, "changed")
  expect.equal(#world.changes, 2)
  expect.equal(world.changes[1].statement, "set server rw/sql1 state drain; shutdown sessions "
    .. "server rw/sql1; show servers state > /run/a.states")
  expect.equal(world.changes[1].becomes["pool:chat"].state, nil)
  expect.equal(world.changes[2].becomes["pool:chat"].active_servers, host.list {})
  world.facts["database:mgc.primary"] = { state = "online", writable = true }
  world.facts[secondary].state = "restoring"
  expect_outcome(lab.take_back(world, { index = 1, action = 1, undo = world.changes[1].undo }),
    "changed")
  expect.equal(world.facts["pool:chat"].routes, host.list(as_normal))
end

T["a pool that is closed keeps its state"] = function()
  expect.equal(observe({ says(with(as_normal, "rw/sql1 drain")) }).state, "Normal")
  expect.equal(observe({ says(with(as_normal, "rw/sql1 maint", "rw/sql3 drain")) }).state,
    "FailedOver")
  expect.equal(observe({ says(with(as_normal, "rw/sql1 drain", "rw/sql3 drain")) }).state, nil)
end

T["sessions that go on are told of"] = function()
  local result, world = play("pool.set_active_servers(chat, near(db.secondary))",
    facts_of(failed_over, { state = "FailedOver", sessions_left = 2 }))
  expect_outcome(result, "changed")
  expect.equal(world.notes[1].text,
    "the pool chat: 2 sessions go on at servers that take no new ones")
end

return T
