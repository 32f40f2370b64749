-- Tests of migration.lua: try them with `bascule test runbooks/migration_test.lua`.
--
-- Everything happens on a model of the site; the facts are those of the day before a migration of
-- 100,000 users.

tests "migration.lua" {
  site  = "side_by_side/site.yaml",
  facts = "side_by_side/facts.json",
  set   = { directory = "people" },
}

-- The good run

test "Everybody and everything is moved" {
  expect = {
    outcome = "done",
    statements = {
      "INSERT INTO backups",
      "UPDATE services SET state = 'running' * 'RTCMEDSRV'",
      "UPDATE services SET state = 'running' * 'RTCSRV'",
      "UPDATE homes * for the pilot of people",
      "UPDATE homes * for every user of people, 500 at a time, 8 at once",
      "UPDATE directories * for every conference directory of people",
      "UPDATE numbers * for every dial in number of people",
      "UPDATE pools SET state = 'retired' WHERE name = 'pool01.litware.example'",
    },
    facts = {
      ["homes:people.users"] = { legacy = 0, new = 100000, total = 100000 },
      ["homes:people.pilot"] = { legacy = 0, new = 3 },
      ["homes:people.dial_in_numbers"] = { legacy = 0, new = 12 },
      ["deployment:people.legacy"] = { state = "retired" },
      ["services:people.new"] = { state = "running" },
    },
    says = { "inventory of people: users: 100,000 legacy, 0 new", "users: 0 legacy, 100,000 new" },
  },
}

test "What was moved before is left alone" {
  given = {
    ["homes:people.pilot"] = { legacy = 0, new = 3 },
    ["homes:people.users"] = { legacy = 99997, new = 3 },
    ["services:people.new"] = { state = "running", not_running = {} },
  },
  expect = {
    outcome = "done", changes = 5,
    steps = { ["Start the new pool"] = "kept", ["Move the pilot users"] = "kept" },
  },
}

-- What it refuses

test "A user has two homes" {
  given  = { ["homes:people.users"] = { twice = 1 } },
  expect = {
    outcome = "refused", stops_at = "Every user has one home", changes = 0,
    reason = "users of people: 1 in more than one pool",
  },
}

test "A user of the pilot has left" {
  given  = { ["homes:people.pilot"] = { missing = 1, total = 2, legacy = 2 } },
  expect = { outcome = "refused", stops_at = "Every user has one home", changes = 0 },
}

test "The new pool was not deployed" {
  given  = { ["deployment:people.new"] = { state = "missing", replicated = false } },
  expect = { outcome = "refused", stops_at = "Both pools are deployed", changes = 1 },
}

test "Both pools keep their users in one store" {
  given  = { ["deployment:people.new"] = { store = "sql1\\rtc" } },
  expect = {
    outcome = "refused", stops_at = "The new pool keeps its users apart",
    reason = "both keep their users in sql1\\rtc",
  },
}

test "Replication is not finished" {
  given  = { ["deployment:people.new"] = { replicated = false } },
  expect = {
    outcome = "refused", stops_at = "The new pool is replicated to", without = { "UPDATE homes" },
  },
}

test "A pool cannot be administered" {
  given  = { ["administration:people.legacy"] = { state = "unreachable", reason = "it is gone" } },
  expect = {
    outcome = "refused", stops_at = "Both pools can be administered", reason = "it is gone",
  },
}

test "Messages do not arrive" {
  given  = { ["talk:people"] = { state = "broken", reason = "legacy > legacy im: 9 failed" } },
  expect = {
    outcome = "refused", stops_at = "The users can talk", reason = "legacy > legacy im: 9 failed",
    without = { "UPDATE homes" },
  },
}

test "The pilot is not accepted" {
  fault  = { "no", step = "Accept the pilot?" },
  expect = {
    outcome = "refused", stops_at = "Accept the pilot?",
    facts = { ["homes:people.users"] = { legacy = 99997, new = 3 } },
  },
}

test "The legacy pool is not to be retired" {
  fault  = { "no", step = "Retire the legacy pool?" },
  expect = {
    outcome = "refused", stops_at = "Retire the legacy pool?", without = { "retired" },
    facts = { ["deployment:people.legacy"] = { state = "deployed" } },
  },
}

-- What goes wrong on the way

test "bascule is killed while everybody is moved, and goes on" {
  fault  = { "killed-after-intent", step = "Move everybody else" },
  resume = true,
  expect = {
    outcome = "done", resumed = 1,
    facts = { ["homes:people.users"] = { legacy = 0, new = 100000 } },
  },
}

test "bascule is killed when everybody was moved, and nobody is moved again" {
  fault  = { "killed-after-effect", step = "Move everybody else" },
  resume = true,
  expect = {
    outcome = "done", resumed = 1, changes = 8, steps = { ["Move everybody else"] = "kept" },
  },
}

-- What the world does meanwhile

test "Somebody joins before everybody else is moved" {
  fault  = { "somebody joins people in the legacy pool", before = "Move everybody else" },
  expect = {
    outcome = "done", facts = { ["homes:people.users"] = { legacy = 0, new = 100001 } },
  },
}

test "Somebody joins the legacy pool just before it is retired" {
  fault  = { "somebody joins people in the legacy pool", before = "Retire the legacy pool" },
  expect = {
    outcome = "refused", stops_at = "Retire the legacy pool",
    reason = "the legacy pool pool01.litware.example still has 1 of the users",
    facts = { ["deployment:people.legacy"] = { state = "deployed" } },
  },
}

test "A route breaks while the pilot lasts" {
  fault  = { "a route between the pools of people breaks", before = "The pilot still talks" },
  expect = { outcome = "refused", stops_at = "The pilot still talks" },
}

test "A service of the new pool stops before everybody else is moved" {
  fault  = { "a service of people.new stops", before = "Move everybody else" },
  expect = { outcome = "refused", stops_at = "Move everybody else" },
}

test "Replication stops before everybody else is moved" {
  fault  = { "replication to people.new stops", before = "Move everybody else" },
  expect = {
    outcome = "refused", stops_at = "Move everybody else", reason = "is not finished",
  },
}
