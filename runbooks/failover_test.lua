-- Tests of failover.lua: try them with `bascule test runbooks/failover_test.lua`.
--
-- Everything happens on a model of the site; the facts are those of the day on which the primary
-- data centre was lost. Copy this file for a runbook of your own.

tests "failover.lua" {
  site  = "lost_data_centre/site.yaml",
  facts = "lost_data_centre/facts.json",
  set   = { pool = "chat", database = "mgc" },
}

-- The good run

test "A lost data centre is failed over" {
  expect = {
    outcome = "done",
    statements = {
      "end log shipping into */sql3/mgc.db",
      "copy 2 log backups (LSN 1000–1500)",
      "apply 2 log backups (LSN 1000–1500)",
      "end 1 session on */sql3/mgc.db: 4711 (reporting)",
      "bring */sql3/mgc.db online, on a new recovery fork",
      "UPDATE \"pool\" SET state = 'FailedOver'",
      "clone */sql3/mgc.db to */sql4/mgc.db as its mirror",
      "ship every commit of */sql3/mgc.db to */sql4/mgc.db",
      "UPDATE \"pool\" * active_servers = 'chat5,chat6'",
    },
    facts = {
      ["database:mgc.secondary"] = { state = "online", writable = true, recovered_lsn = 1500 },
      ["mirror:mgc.secondary_mirror"] = { state = "following", principal = "*/sql3/mgc.db" },
      ["pool:chat"] = { state = "FailedOver", active_servers = { "chat5", "chat6" } },
    },
    steps = {
      ["Copy the backups not yet copied"] = "changed",
      ["Salvage the tail of the log"] = "skipped",
    },
    says = { "Nothing later is known of", "mgccomp is not failed over" },
  },
}

test "A failover that was stopped after the database came online is finished" {
  given = {
    ["database:mgc.secondary"] = {
      state = "online", writable = true, log_shipping = "none", lsn = 1500,
      recovered_lsn = 1500, recovered_time = "2026-03-14T02:10:00.000Z",
    },
    ["log_backups:mgc.secondary"] = { applied_lsn = 1500, copied_lsn = 1500, chain = {} },
  },
  expect = {
    outcome = "done",
    statements = { "state = 'FailedOver'", "clone", "ship every commit", "'chat5,chat6'" },
    steps = {
      ["End every session"] = "kept",
      ["Bring the database online?"] = "kept",
      ["Bring the database online"] = "kept",
    },
  },
}

-- What it refuses

test "The primary answers" {
  given  = { ["database:mgc.primary"] = { state = "online", writable = true } },
  expect = {
    outcome = "refused", stops_at = "The primary and its mirror are down", changes = 0,
    reason = "Two writable copies would drift apart",
  },
}

test "A log backup is missing" {
  given = {
    ["log_backups:mgc.secondary"] = { problem = "gap", problem_text = "nothing covers LSN 1200" },
    ["log_chain:mgc.secondary"] = { problem = "gap", problem_text = "nothing covers LSN 1200" },
  },
  expect = {
    outcome = "refused", stops_at = "The log chain is whole", changes = 0,
    reason = "nothing covers LSN 1200",
  },
}

test "There is no room for the log backups" {
  given  = { ["log_backups:mgc.secondary"] = { free_bytes = 100000 } },
  expect = {
    outcome = "refused", stops_at = "There is room for the log backups", changes = 0,
    reason = "there is no room in * for the log backups",
  },
}

test "The operator says no" {
  fault  = { "no", step = "Bring the database online?" },
  expect = {
    outcome = "refused", stops_at = "Bring the database online?",
    without = { "online, on a new recovery fork", "UPDATE \"pool\"" },
    facts = { ["database:mgc.secondary"] = { state = "restoring" } },
  },
}

-- What goes wrong on the way

test "The connection drops after the database has come online" {
  fault  = { "lost-after", step = "Bring the database online" },
  expect = {
    outcome = "done", resumed = 0,
    steps = { ["Bring the database online"] = "changed" },
  },
}

test "The disk is full while the backups are copied" {
  fault  = { "disk-full", step = "Copy the backups not yet copied" },
  expect = {
    outcome = "failed", stops_at = "Copy the backups not yet copied", changes = 1,
    facts = { ["database:mgc.secondary"] = { state = "restoring", lsn = 1000 } },
  },
}

test "It is resumed when the disk has room again" {
  fault  = { "disk-full", step = "Copy the backups not yet copied" },
  resume = true,
  expect = { outcome = "done", resumed = 1, changes = 9 },
}

test "bascule is killed while the database comes online" {
  fault  = { "killed-after-effect", step = "Bring the database online" },
  resume = true,
  expect = {
    outcome = "done", resumed = 1, changes = 9,
    steps = { ["Bring the database online"] = "kept" },
    facts = { ["pool:chat"] = { state = "FailedOver" } },
  },
}

test "bascule is killed between the two halves of the new mirror" {
  fault  = { "killed-before-intent", step = "Install the new mirror", change = 2 },
  resume = true,
  expect = {
    outcome = "done", resumed = 1,
    including = { "clone", "ship every commit", "active_servers = 'chat5,chat6'" },
  },
}

test "It is killed twice and ends all the same" {
  fault  = {
    { "killed-after-intent", step = "Apply the log backups in order" },
    { "killed-after-outcome", step = "Mark the pool failed over" },
  },
  resume = true,
  expect = { outcome = "done", resumed = 2, changes = 9 },
}

-- What the world does meanwhile

test "The primary comes back just before the point of no return" {
  fault  = { "the primary of mgc comes back", before = "Bring the database online" },
  expect = {
    outcome = "refused", stops_at = "Bring the database online",
    facts = { ["database:mgc.secondary"] = { state = "restoring" } },
  },
}

test "A client connects after the sessions were ended" {
  fault  = { "a session connects to the secondary of mgc", before = "Bring the database online" },
  expect = { outcome = "refused", stops_at = "Bring the database online" },
}

test "The backup share goes away before the copy" {
  fault = {
    before = "Copy the backups not yet copied",
    given  = { ["log_backups:mgc.secondary"] = { share_readable = false } },
  },
  expect = { outcome = "refused", stops_at = "Copy the backups not yet copied", changes = 1 },
}
