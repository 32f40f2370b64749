-- Tests of failback.lua: try them with `bascule test runbooks/failback_test.lua`.
--
-- Everything happens on a model of the site; the facts are those of a day on which the lost data
-- centre is back, with its old primary fenced.

tests "failback.lua" {
  site  = "lost_data_centre/site.yaml",
  facts = "lost_data_centre/rebuilt.json",
  set   = { pool = "chat", database = "mgc" },
}

-- The good run

test "A pool is brought home" {
  expect = {
    outcome = "done",
    statements = {
      "copy */sql3/mgc.db to */sql1/mgc.db in full and leave it restoring",
      "bring */sql1/mgc.db up to the last commit of */sql3/mgc.db",
      "active_servers = ''",
      "end the mirror */sql4/mgc.db",
      "end 0 sessions on */sql3/mgc.db",
      "take the last log backup of */sql3/mgc.db",
      "bring */sql1/mgc.db up to the last commit of */sql3/mgc.db",
      "bring */sql1/mgc.db online, on a new recovery fork",
      "ship log backups of */sql1/mgc.db into */sql3/mgc.db",
      "clone */sql1/mgc.db to */sql2/mgc.db as its mirror",
      "ship every commit of */sql1/mgc.db to */sql2/mgc.db",
      "UPDATE \"pool\" SET state = 'Normal'",
      "active_servers = 'chat1,chat2'",
    },
    facts = {
      ["database:mgc.primary"] = { state = "online", writable = true },
      ["database:mgc.secondary"] = { state = "restoring", log_shipping = "configured" },
      ["database:mgc.secondary_mirror"] = { state = "missing" },
      ["mirror:mgc.mirror"] = { state = "following", principal = "*/sql1/mgc.db" },
      ["pool:chat"] = { state = "Normal", active_servers = { "chat1", "chat2" } },
    },
  },
}

test "An old copy that nobody can write to is seeded over, and kept" {
  given  = { ["database:mgc.primary"] = { state = "restoring", sessions = 0,
    database_id = "18d6c1eee1d10602ad95ea23262bef95", fork = "b98349f17af48eb415e9a08fc6e765c3",
    lsn = 1490 } },
  expect = { outcome = "done", including = { "what is there now is renamed" } },
}

test "A copy that was seeded before is brought near, for clients may write until then" {
  given  = { ["database:mgc.primary"] = { state = "restoring", sessions = 0,
    database_id = "18d6c1eee1d10602ad95ea23262bef95", fork = "c0ffee179f17af48eb415e9a08fc6e76",
    lsn = 9000 } },
  expect = {
    outcome = "done",
    steps = { ["Seed the original primary"] = "kept", ["Bring the primary near"] = "changed" },
  },
}

test "A mirror whose removal was cut short is removed" {
  given  = {
    ["database:mgc.secondary_mirror"] = { state = "damaged", writable = false, sessions = 0,
      session_list = {} },
    ["mirror:mgc.secondary_mirror"] = { state = "broken", principal = "", agent = "none" },
  },
  expect = { outcome = "done", including = { "end the mirror */sql4/mgc.db" } },
}

test "What has the mirror's place and can be written to stays where it is" {
  given  = {
    ["database:mgc.secondary_mirror"] = { state = "damaged", writable = true, sessions = 0,
      session_list = {} },
    ["mirror:mgc.secondary_mirror"] = { state = "broken", principal = "", agent = "none" },
  },
  expect = {
    outcome = "refused", stops_at = "Remove the secondary's mirror",
    without = { "end the mirror" },
  },
}

-- What it refuses

test "The primary's data centre is still down" {
  given  = { ["database:mgc.primary"] = { state = "unreachable" } },
  expect = {
    outcome = "refused", stops_at = "The original primary's data centre is back", changes = 0,
    reason = "A copy that cannot be reached cannot be made anew",
  },
}

test "The old primary can be written to" {
  given  = { ["database:mgc.primary"] = { state = "online", writable = true } },
  expect = {
    outcome = "refused", stops_at = "The original primary's data centre is back", changes = 0,
    reason = "has to be fenced first",
  },
}

test "The secondary is not online" {
  given  = { ["database:mgc.secondary"] = { state = "restoring", writable = false } },
  expect = { outcome = "refused", stops_at = "The secondary is online", changes = 0 },
}

test "The operator says no, and the clients have not noticed anything" {
  fault  = { "no", step = "Close the service and go home?" },
  expect = {
    outcome = "refused", stops_at = "Close the service and go home?", changes = 1,
    without = { "active_servers" },
  },
}

-- What goes wrong on the way

test "bascule is killed between the hand-over and the recovery, and goes on" {
  fault  = { "killed-after-effect", step = "Hand over" },
  resume = true,
  expect = {
    outcome = "done", resumed = 1,
    facts = { ["database:mgc.primary"] = { state = "online", writable = true } },
  },
}

test "The last log backup cannot be applied" {
  fault  = { "fails", step = "Apply the last log backup" },
  expect = {
    outcome = "failed", stops_at = "Apply the last log backup",
    without = { "online, on a new recovery fork" },
    facts = { ["database:mgc.secondary"] = { state = "restoring" } },
  },
}

test "The old primary comes back before it is seeded" {
  fault  = { "the primary of mgc comes back", before = "Seed the original primary" },
  expect = { outcome = "refused", stops_at = "Seed the original primary", changes = 0 },
}
