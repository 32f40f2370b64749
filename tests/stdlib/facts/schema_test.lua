-- What the schema says of facts, and what it finds wrong with facts that come out of a file.
local lab = require_module "lab"
local schema = require "bascule/facts/schema"
local T = {}

local function complaints(facts)
  local found = host.list {}
  for index, each in ipairs(lab.host.complaints { facts = facts }) do
    found[index] = each.message
  end
  return found
end

T["facts as they are observed are right"] = function()
  expect.equal(complaints(lab.facts()), host.list {})
  expect.equal(complaints {}, host.list {})
end

local kinds = "administration, backup, caveats, command, database, deployment, file, homes, "
  .. "log_backups, log_chain, mirror, pool, services, sql, tail, talk"

T["unknown kinds and keys are named, in order of resource and key"] = function()
  expect.equal(complaints {
    ["pool:chat"] = { state = "Normal", stat = 1, colour = "red" },
    ["log_backups:mgc.secondary"] = { colour = "red" },
    ["pol:chat"] = {},
    ["pool"] = {},
  }, host.list {
    'the fact "colour" of log_backups:mgc.secondary is not in the schema',
    "pol:chat is of no kind that there is; the kinds are: " .. kinds,
    "pool is of no kind that there is; the kinds are: " .. kinds,
    'the fact "colour" of pool:chat is not in the schema',
    'the fact "stat" of pool:chat is not in the schema',
  })
end

T["wrong types and values are named"] = function()
  expect.equal(complaints {
    ["database:mgc.primary"] = { state = "asleep", writable = "yes", lsn = "12" },
    ["log_backups:mgc.secondary"] = { chain = "none" },
    ["mirror:mgc.mirror"] = 7,
    ["pool:chat"] = { active_servers = { fe1 = true } },
  }, host.list {
    'the fact "lsn" of database:mgc.primary is text, not int',
    'the fact "state" of database:mgc.primary cannot be "asleep"',
    'the fact "writable" of database:mgc.primary is text, not bool',
    'the fact "chain" of log_backups:mgc.secondary is text, not list',
    "mirror:mgc.mirror is int, not facts by key",
    'the fact "active_servers" of pool:chat is a map, not a list',
  })
end

T["facts of one's own may be any one value"] = function()
  expect.equal(complaints { ["sql:queue"] = { reachable = true, rows = 3, name = "x" },
    ["command:own"] = { reachable = false, reason = "gone" } }, host.list {})
  expect.equal(complaints { ["sql:queue"] = { reachable = "yes", rows = { 1 } } }, host.list {
    'the fact "reachable" of sql:queue is text, not bool',
    'the fact "rows" of sql:queue is a list or map, not one value',
  })
end

T["a complaint names resource and key, and says what to do"] = function()
  expect.equal(lab.host.complaints { facts = {
    ["pool:chat"] = { state = "normal", stat = "Normal", version = "1" },
    ["pol:chat"] = {},
    ["sql:queue"] = { rows = { 1 } },
  } }, host.list {
    { resource = "pol:chat", hint = "Did you mean pool?",
      message = "pol:chat is of no kind that there is; the kinds are: " .. kinds },
    { resource = "pool:chat", key = "stat", hint = "Did you mean state?",
      message = 'the fact "stat" of pool:chat is not in the schema' },
    { resource = "pool:chat", key = "state", hint = "Did you mean Normal?",
      message = 'the fact "state" of pool:chat cannot be "normal"' },
    { resource = "pool:chat", key = "version", hint = "Write a whole number.",
      message = 'the fact "version" of pool:chat is text, not int' },
    { resource = "sql:queue", key = "rows", hint = "Write one text, number, true or false.",
      message = 'the fact "rows" of sql:queue is a list or map, not one value' },
  })
  expect.equal(lab.host.complaints { facts = { ["file:/x"] = { colour = "red" } } }[1].hint,
    "Known are: bytes, exists, sha256.")
end

T["what is known only afterwards says what it will be: its unit, else its type"] = function()
  local copy, pool = schema.unknown "database", schema.unknown "pool"
  expect.equal({ copy.fork, copy.recovered_lsn, copy.recovered_time, copy.writable, copy.lsn },
    { { ["$unknown"] = "text" }, { ["$unknown"] = "lsn" }, { ["$unknown"] = "time" },
      { ["$unknown"] = "bool" }, nil })
  expect.equal({ pool.active_servers, pool.version },
    { { ["$unknown"] = "list" }, { ["$unknown"] = "int" } })
  expect.equal(schema.unknown_fact("log_backups", "free_bytes"), { ["$unknown"] = "bytes" })
  expect.equal(schema.unknown_count(), { reachable = { ["$unknown"] = "bool" },
    count = { ["$unknown"] = "int" } })
end

-- Whoever adds a fact has to say what it is to a plan; these are what nothing may get wrong.
T["what tells a resource from another of its name is an identity"] = function()
  local found = host.list {}
  for kind, keys in pairs(lab.host.schema()) do
    for key, fact in pairs(keys) do
      if fact.identity then
        found[#found + 1] = kind .. "." .. key
      end
      expect.truthy(not (fact.identity and (fact.volatile or fact.advances)))
      expect.truthy(not fact.noun or fact.type == "list" or fact.type == "int")
    end
  end
  table.sort(found)
  expect.equal(found, host.list { "database.database_id", "database.fork", "deployment.pool",
    "mirror.principal" })
end

return T
