-- Directories in runbooks: what is asked, moved, refused and taken back.
local lab = require_module "lab"
local people = require_module "people"
local T = {}

local users, pilot, groups = "homes:people.users", "homes:people.pilot", "homes:people.groups"

-- Performs a step with this body on a twin whose facts are those of people.facts with `given` over
-- them. Gives its result and the world.
local function act(body, given, more)
  local facts = people.facts()
  for resource, keys in pairs(given or {}) do
    for key, value in pairs(keys) do
      facts[resource][key] = value
    end
  end
  local loaded = people.body('step "s" { ' .. body .. " }", more)
  expect.equal(lab.errors(loaded), host.list {})
  local world = lab.world(facts, true)
  return lab.perform(world, 1), world
end

local function outcome(...)
  local result = act(...)
  return { result.outcome, result.reason }
end

local move_all = 'each(people.users, { batch = 50, rate = "20/s" }, move_to(people.new))'

T["everybody is moved by one change that says where they are then"] = function()
  local result, world = act(move_all)
  expect.equal(result.outcome, "changed")
  expect.equal(#world.changes, 1)
  local change = world.changes[1]
  expect.equal({ change.row, change.statement }, { "users.move",
    "move user :name from 'old' to 'p2'; for every user of people, 50 at a time, 8 at once, until "
      .. "5 have failed, 20 a second at most" })
  expect.equal(change.args, { server = "app", file = "d.db", list = "list user",
    find = "find user :name", move = host.list { "move user  :name\nfrom :from to :to" },
    from = "old", to = "p2", batch = 50, parallel = 8, stop_after = 5, rate = 20, noun = "user",
    kind = "users", directory = "people" })
  expect.equal(change.bound, { total = 100 })
  expect.equal(change.becomes, { [users] = { legacy = 0, new = 110 },
    [pilot] = { legacy = 0, new = 2 } })
end

T["the pilot counts for the users"] = function()
  local _, world = act("each(people.pilot, {}, move_to(people.new))")
  expect.equal(world.changes[1].args.names, host.list { "ann", "o'brien" })
  expect.equal(world.changes[1].becomes, { [users] = { legacy = 98, new = 12 },
    [pilot] = { legacy = 0, new = 2 } })
end

T["each kind of application is a change of its own, and none where nothing is left"] = function()
  local _, world = act("each(people.applications, {}, move_to(people.new))")
  expect.equal(#world.changes, 1)
  expect.equal({ world.changes[1].resource, world.changes[1].args.noun }, { groups, "group" })
  expect.equal(outcome("each(people.applications, {}, move_to(people.new))",
    { [groups] = { legacy = 0, new = 3 } })[1], "kept")
  expect.equal(outcome("each(people.applications, {}, move_to(people.new))", nil,
    { applications = {} })[1], "kept")
end

T["nobody is moved to a pool that cannot take them"] = function()
  local where = { ["deployment:people.new"] = { replicated = false } }
  expect.equal(outcome(move_all, where), { "refused", "replication to p2 is not finished" })
  where["deployment:people.new"] = { state = "retired" }
  expect.equal(outcome(move_all, where), { "refused", "the pool p2 is retired" })
  local services = { ["services:people.new"] = { state = "stopped",
    not_running = host.list { "front" } } }
  expect.equal(outcome(move_all, services),
    { "refused", "services of p2 do not run: front" })
  expect.equal(outcome(move_all, { [users] = { twice = 2 } })[2],
    "2 entries of people are in more than one pool")
  expect.equal(outcome(move_all, { [users] = { state = "unreachable", reason = "gone" } })[1],
    "refused")
end

T["what a site does not describe is not asked"] = function()
  expect.equal(outcome(move_all, nil, { deployment = false, services = false })[1], "changed")
end

T["who came or went meanwhile is told"] = function()
  local facts = people.facts()
  people.body('step "s" { ' .. move_all .. " }")
  local world = lab.world(facts, true)
  world.play = function(effect)
    world:believe(effect.becomes)
    world.facts[users].total = 108
    return { outcome = "changed", result = {}, facts = lab.copy(world.facts[users]) }
  end
  lab.perform(world, 1)
  expect.equal(world.notes[1].text,
    "users of people: 110 before and 108 after: 2 fewer meanwhile")
end

T["those of one run go back, however many they are"] = function()
  local _, world = act('each(people.users, {}, move_back(people.legacy, "r1"))')
  local change = world.changes[1]
  expect.equal({ change.args.moved_by, change.args.from, change.args.to },
    { { run = "r1" }, "p2", "old" })
  expect.equal(change.becomes[users].legacy, { ["$unknown"] = "users" })
  expect.equal(change.statement:match "for every user of people whom run r1 has moved" ~= nil, true)
  _, world = act('each(people.users, {}, move_back(people.legacy, ""))')
  expect.equal({ world.changes[1].args.moved_by, world.changes[1].becomes[users].legacy },
    { nil, 110 })
end

T["a run that has moved nobody is told of, and the last one is none to be named"] = function()
  people.body('step "s" { each(people.users, {}, move_back(people.legacy, "r1")) }')
  local world = lab.world(people.facts(), true)
  world.deaf = true
  lab.perform(world, 1)
  expect.equal(world.notes[1].text, "users of people: nobody was moved back; run r1 has moved "
    .. "nobody of them, or all of them are back")
  local last = people.body('step "s" { each(people.users, {}, move_back(people.legacy, "last")) }')
  expect.equal(lab.errors(last)[1], "3: the last run is this one itself, when it has begun | "
    .. "name the run whose moves are taken back by its id, as bascule status shows it")
end

T["a rollback moves back whom the step has moved, counted from what is there now"] = function()
  local _, world = act(move_all)
  local undo = world.changes[1].undo
  world.facts[users].legacy = 1 -- somebody has joined
  world.facts[users].total = 111
  world.changes = {}
  local result = lab.take_back(world, { index = 1, action = 1, undo = undo })
  expect.equal(result.outcome, "changed")
  local change = world.changes[1]
  expect.equal({ change.args.moved_by, change.args.from, change.args.to }, { {}, "p2", "old" })
  expect.equal(change.bound, { total = 99 })
  expect.equal(change.becomes, { [users] = { legacy = 100, new = 11 },
    [pilot] = { legacy = 2, new = 0 } })
  expect.equal(change.statement:match("for every user of people whom this step has moved") ~= nil,
    true)
end

T["nobody is moved back to a pool that is retired by now"] = function()
  local _, world = act(move_all)
  local undo = world.changes[1].undo
  world.facts["deployment:people.legacy"].state = "retired"
  world.changes = {}
  local result = lab.take_back(world, { index = 1, action = 1, undo = undo })
  expect.equal({ result.outcome, result.reason, #world.changes },
    { "refused", "the pool old is retired", 0 })
end

T["what a way back costs is told of users, and not of applications"] = function()
  local _, world = act(move_all)
  expect.equal(lab.caveats(world, { index = 1, action = 1 }), host.list {
    "people: new meetings of 1 organiser stop working on a way back",
    "people: clients of 2 users have to be downgraded on a way back", "  ann: meetings" })
  _, world = act("each(people.applications, {}, move_to(people.new))")
  expect.equal(lab.caveats(world, { index = 1, action = 1 }), host.list {})
end

T["where the site file does not tell what a way back costs, that is told"] = function()
  local _, world = act(move_all, nil, { caveats = false })
  expect.equal(lab.caveats(world, { index = 1, action = 1 })[2], "people: clients of some users, "
    .. "whom the site file does not tell how to find, have to be downgraded on a way back")
end

T["of many who are affected the screen names the first, and the journal all"] = function()
  local names = {}
  for number = 1, 13 do
    names[number] = ("user%02d: meetings"):format(number)
  end
  local _, world = act("caveats.show(people)", { ["caveats:people"] = {
    affected = host.list(names) } })
  expect.equal(#world.notes, 13)
  expect.equal({ world.notes[12].text, world.notes[13].text },
    { "  user10: meetings", "  and 3 more lines like these" })
  expect.equal(#world.notes[1].data.caveats, 15)
end

-- Whether a guard with this condition lets the run go on, and why not.
local function ask(condition, given, more)
  local facts = people.facts()
  for resource, keys in pairs(given or {}) do
    facts[resource] = keys
  end
  local loaded = people.body('guard "g" { ' .. condition .. ' }\nstep "s" { warn "w" }', more)
  expect.equal(lab.errors(loaded), host.list {})
  local result = lab.perform(lab.world(facts), 1)
  return result.outcome == "kept" or result.reason
end

T["conditions read as sentences and say what they found"] = function()
  expect.equal(ask "people.users:are_all_on(people.new)",
    "users of people: 100 still in the legacy pool")
  expect.equal(ask "people.users:are_in_one_pool_each()", true)
  expect.equal(ask "people.applications:are_all_on(people.legacy)", true)
  expect.equal(ask "people.legacy:is_empty()", "the legacy pool old: 100 of users in it")
  expect.equal(ask 'people.new:is "deployed"', true)
  expect.equal(ask("people.new:services_run()", { ["services:people.new"] = { state = "stopped",
    not_running = host.list { "a", "b" } } }), "the new pool p2: services is stopped: a, b")
  expect.equal(ask("people.new:is_replicated()", { ["deployment:people.new"] = {
    state = "deployed", replicated = false } }), "the new pool p2: replication is not finished")
  expect.equal(ask "people.new:has_a_store_of_its_own()", true)
  expect.equal(ask("people.new:has_a_store_of_its_own()", { ["deployment:people.new"] = {
    state = "deployed" } }), "the store of the new pool p2 is not known; give it as the fourth "
    .. "column of `deployment`")
  expect.equal(ask("people:can_talk()", { ["talk:people"] = { state = "untested",
    reason = "nothing was sent" } }), "talk between users of people is untested: nothing was sent")
end

T["what the site file does not say is a mistake, with what to add"] = function()
  local loaded = people.body('guard "g" { people:can_talk(), people.new:services_run(), '
    .. 'people.pilot:are_all_on(people.new) }\nstep "s" { directory.back_up(people) }',
    { talk = false, services = false, pilot = host.list {}, backup = false })
  expect.equal(lab.errors(loaded), host.list {
    "3: the site file does not say how it is measured who can talk to whom | "
      .. "add directories.people.talk",
    "3: the site file does not say how services are looked at | add directories.people.services",
    "3: the directory \"people\" names no pilot | "
      .. "add directories.people.pilot to the site file: who is moved first",
    "4: the site file does not say how a backup is made | add directories.people.backup",
  })
end

T["a backup is made anew, unless the site cannot make one"] = function()
  local result, world = act("directory.back_up(people)")
  expect.equal({ result.outcome, world.changes[1].args.sql }, { "changed", "make" })
  expect.equal(outcome("directory.back_up(people)", { ["backup:people"] = { state = "made",
    time = "7" } })[1], "changed")
  local without = { backup = { state = "backup" } }
  expect.equal(outcome("directory.back_up(people)", nil, without), { "refused",
    "there is no backup, and the site file does not say how one is made" })
  expect.equal(outcome("directory.back_up(people)", { ["backup:people"] = { state = "made" } },
    without)[1], "kept")
end

T["services are started one by one, and those stopped again that were"] = function()
  local stopped = { ["services:people.new"] = { state = "stopped",
    not_running = host.list { "a", "b" } } }
  local result, world = act("services.start(people.new)", stopped)
  expect.equal({ result.outcome, world:statements() }, { "changed", { "start 'a'", "start 'b'" } })
  expect.equal(world.changes[1].args.named, { name = "a", pool = "p2" })
  local undo = world.changes[1].undo
  world.changes = {}
  lab.take_back(world, { index = 1, action = 1, undo = undo })
  expect.equal(world:statements(), { "stop 'a'", "stop 'b'" })
  expect.equal(world.facts["services:people.new"].not_running, host.list { "a", "b" })
  expect.equal(world.notes[1].text, "10 users stay in p2, whose services are stopped")
  world.notes = {}
  lab.take_back(world, { index = 1, action = 1, undo = undo })
  expect.equal(world.notes, {})
end

T["a pool is retired only when nobody and nothing is in it"] = function()
  local retire = "deployment.retire(people.legacy), point_of_no_return = true"
  local empty = { [users] = { legacy = 0 }, [pilot] = { legacy = 0 }, [groups] = { legacy = 0 } }
  expect.equal(outcome(retire),
    { "refused", "the legacy pool old still has 100 of the users" })
  local result, world = act(retire, empty)
  expect.equal({ result.outcome, world:statements() }, { "changed", { "retire 'old'" } })
  empty["deployment:people.new"] = { state = "missing" }
  expect.equal(outcome(retire, empty),
    { "refused", "the pool p2, which remains, is missing" })
  empty["deployment:people.new"] = nil
  empty["services:people.new"] = { state = "stopped", not_running = host.list { "front" } }
  expect.equal(outcome(retire, empty), { "refused", "services of p2 do not run: front" })
end

T["a gate shows what is known of a directory"] = function()
  local loaded = people.body('gate "g" { says = "Look.", shows = { people } }\n'
    .. 'step "s" { warn "w" }')
  expect.equal(lab.errors(loaded), host.list {})
  local world = lab.world(people.facts())
  lab.perform(world, 1)
  expect.equal(world.asked[1].lines, host.list { "Look.", "people: users: 100 legacy, 10 new",
    "people: pilot: 2 legacy, 0 new", "people: groups: 3 legacy, 0 new",
    "people: legacy > new im: 1 delivered",
    "people: new meetings of 1 organiser stop working on a way back",
    "people: clients of 2 users have to be downgraded on a way back" })
end

T["the inventory goes into the journal as counts"] = function()
  local _, world = act "inventory.take(people)"
  expect.equal(world.notes[1].text, "inventory of people: users: 100 legacy, 10 new; pilot: 2 "
    .. "legacy, 0 new; groups: 3 legacy, 0 new")
  expect.equal(world.notes[1].data.users, { legacy = 100, new = 10, elsewhere = 0, total = 110 })
end

return T
