-- Tests of migration-rollback.lua: try them with
-- `bascule test runbooks/migration-rollback_test.lua`.
--
-- Everything happens on a model of the site; the facts are those of migration_test.lua, with
-- everybody moved.

tests "migration-rollback.lua" {
  site  = "side_by_side/site.yaml",
  facts = "side_by_side/facts.json",
  set   = { directory = "people" },
}

local moved = {
  ["homes:people.users"] = { legacy = 0, new = 100000 },
  ["homes:people.pilot"] = { legacy = 0, new = 3 },
  ["homes:people.dial_in_numbers"] = { legacy = 0, new = 12 },
  ["caveats:people"] = { meetings = 1, affected = { "sip:ann@litware.example: meetings" } },
}

test "Applications go back first, then the users, and what it costs is told before" {
  given  = moved,
  expect = {
    outcome = "done",
    statements = {
      "UPDATE numbers SET pool = 'pool01.litware.example'",
      "UPDATE homes SET pool = 'pool01.litware.example' * for every user of people",
    },
    facts = {
      ["homes:people.users"] = { legacy = 100000, new = 0 },
      ["homes:people.pilot"] = { legacy = 3, new = 0 },
    },
    says = { "new meetings of 1 organiser stop working", "sip:ann@litware.example: meetings" },
  },
}

test "The operator says no when it is known what it costs" {
  given  = moved,
  fault  = { "no", step = "Move everybody back?" },
  expect = {
    outcome = "refused", stops_at = "Move everybody back?", changes = 0,
    says = { "new meetings of 1 organiser stop working" },
  },
}

test "A pool that was retired takes nobody back" {
  given = {
    ["homes:people.users"] = { legacy = 0, new = 100000 },
    ["deployment:people.legacy"] = { state = "retired" },
  },
  expect = {
    outcome = "refused", stops_at = "The legacy pool can take everybody back", changes = 0,
    reason = "is retired, wanted deployed",
  },
}

test "bascule is killed while the users go back, and goes on" {
  given  = moved,
  fault  = { "killed-after-intent", step = "Move the users back" },
  resume = true,
  expect = {
    outcome = "done", resumed = 1,
    facts = { ["homes:people.users"] = { legacy = 100000, new = 0 } },
  },
}
