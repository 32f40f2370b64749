-- Tests of switchover.lua: try them with `bascule test runbooks/switchover_test.lua`.
--
-- Everything happens on a model of the site; the facts are those of a day on which all is well.

tests "switchover.lua" {
  site  = "lost_data_centre/site.yaml",
  facts = "lost_data_centre/healthy.json",
  set   = { pool = "chat", database = "mgc" },
}

test "Sides are changed" {
  expect = {
    outcome = "done",
    statements = {
      "end log shipping into */sql3/mgc.db",
      "end 1 session on */sql3/mgc.db",
      "bring */sql3/mgc.db up to the last commit of */sql1/mgc.db",
      "active_servers = ''",
      "end the mirror */sql2/mgc.db",
      "end 0 sessions on */sql1/mgc.db",
      "take the last log backup of */sql1/mgc.db",
      "bring */sql3/mgc.db up to the last commit of */sql1/mgc.db",
      "bring */sql3/mgc.db online, on a new recovery fork",
      "UPDATE \"pool\" SET state = 'FailedOver'",
      "clone */sql3/mgc.db to */sql4/mgc.db as its mirror",
      "ship every commit of */sql3/mgc.db to */sql4/mgc.db",
      "active_servers = 'chat5,chat6'",
    },
    facts = {
      ["database:mgc.primary"] = { state = "restoring", writable = false },
      ["database:mgc.secondary"] = { state = "online", writable = true },
      ["mirror:mgc.secondary_mirror"] = { state = "following" },
      ["pool:chat"] = { state = "FailedOver", active_servers = { "chat5", "chat6" } },
    },
    says = { "mgccomp is not failed over" },
  },
}

test "The primary does not answer" {
  given  = { ["database:mgc.primary"] = { state = "unreachable", writable = false } },
  expect = { outcome = "refused", stops_at = "The primary is online", changes = 0 },
}

test "A log backup is missing" {
  given = {
    ["log_chain:mgc.secondary"] = { problem = "gap", problem_text = "nothing covers LSN 1200" },
  },
  expect = {
    outcome = "refused", stops_at = "The log chain is whole", changes = 0,
    reason = "nothing covers LSN 1200",
  },
}

test "The operator says no, and the clients have not noticed anything" {
  fault  = { "no", step = "Close the service and change sides?" },
  expect = {
    outcome = "refused", stops_at = "Close the service and change sides?",
    without = { "active_servers" },
    facts = { ["database:mgc.primary"] = { state = "online", writable = true } },
  },
}

test "bascule is killed while the primary is closed, and goes on" {
  fault  = { "killed-after-intent", step = "Hand over" },
  resume = true,
  expect = {
    outcome = "done", resumed = 1,
    facts = { ["database:mgc.secondary"] = { state = "online", writable = true } },
  },
}
