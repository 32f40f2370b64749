-- What must hold of users and their pools in every state that a rehearsal reaches, and what the
-- world may do with them.
local lab = require_module "lab"
local people = require_module "people"
local T = {}

local users = "homes:people.users"

-- What a change that makes these facts of it breaks: the texts.
local function broken(resource, after)
  people.body('step "s" { warn "w" }')
  local facts = { before = people.facts(), after = people.facts() }
  for key, value in pairs(after) do
    facts.after[resource][key] = value
  end
  local found = drive(function()
    return lab.host.invariants { changed = host.list { resource } }
  end, function(effect)
    return facts[effect.when][effect.resource]
  end)
  local texts = {}
  for index, each in ipairs(found) do
    texts[index] = each.text
  end
  return texts
end

T["nobody is lost, and nobody is in two pools"] = function()
  expect.equal(broken(users, { legacy = 0, new = 110 }), {})
  expect.equal(broken(users, { legacy = 0, new = 109 }),
    { "people.users: 110 had a home before, and 109 have one now" })
  expect.equal(broken(users, { new = 110 }),
    { "people.users: 110 had a home before, and there are 210 homes now" })
  expect.equal(broken(users, { legacy = { ["$unknown"] = "users" } }), {})
end

T["no pool is retired under anybody"] = function()
  expect.equal(broken("deployment:people.legacy", { state = "retired" }), {
    "the legacy pool of people is retired while 100 of people.users have their home in it" })
end

local function moves(resource, facts)
  people.body('step "s" { warn "w" }')
  local words = {}
  for index, each in ipairs(lab.host.moves { resource = resource, facts = facts }) do
    words[index] = each.words
  end
  return words
end

T["users come and go, and what they need breaks"] = function()
  local facts = people.facts()
  expect.equal(moves(users, facts[users]), { "somebody joins people in the legacy pool",
    "somebody leaves people", "the directory of people cannot be read any more" })
  expect.equal(moves("homes:people.groups", facts["homes:people.groups"]), {})
  expect.equal(moves("deployment:people.new", facts["deployment:people.new"]),
    { "replication to people.new stops" })
  expect.equal(moves("services:people.new", facts["services:people.new"]),
    { "a service of people.new stops" })
  expect.equal(moves("talk:people", facts["talk:people"]),
    { "a route between the pools of people breaks" })
end

return T
