-- Brings a pool that was failed over home again, without losing anything.
--
-- For the day on which the original primary's data centre is back, rebuilt or repaired: the
-- secondary is online and holds the truth, and the old primary is fenced. Its old database may be
-- missing, or a stale copy that nobody can write to; such a copy is renamed and kept.
--
-- A failback that was stopped is resumed, or rolled back: until the primary is brought online the
-- secondary can be opened again, with everything in it.
--
-- Follows "Failing back Persistent Chat Server" (Lync Server 2013); the numbers are its steps. The
-- page leaves six things open, which are decided here:
--   1. It sets the active servers before the state Normal, so that they would use the secondary,
--      which is about to be overwritten. Here the state comes first.
--   2. It makes no mirror for the primary. Here one is installed, before clients come back.
--   3. It leaves the secondary's mirror behind. Here it is removed, and kept aside as a file.
--   4. It says nothing of databases that are not failed over, such as mgccomp: what such a database
--      took in the other data centre stays there, and nothing here touches it.
--   5. It does not make sure that the clients are gone, and its backup would miss what they wrote
--      after it. Here the last log backup is taken as the secondary is closed, and the step after
--      it proves that the primary stands at the same LSN.
--   6. It says nothing of files beside the databases, such as uploads. They are not moved here
--      either: do that by hand, or with file.copy in a copy of this file.

runbook "failback" {
  summary = "Bring a pool home to its original primary database, without loss",
  params  = { pool = param.pool(), database = param.database { default = "mgc" } },
}
local db, chat = params.database, params.pool

guard "The secondary is online" {
  db.secondary:has { state = "online", writable = true },
  because = "It holds the truth; without it there is nothing to bring home.",
}
guard "The original primary's data centre is back" {
  db.primary:is { "missing", "restoring", "standby", "mirror", "damaged" },
  db.mirror:is_not { "unreachable", "unknown" },
  because = "A copy that cannot be reached cannot be made anew, and one that can be written to has "
    .. "to be fenced first: what it has taken since the failover would be put aside.",
}
guard "The pool is failed over" { chat:is "FailedOver" }

-- Steps 3 and 4, while clients work: the copy is left restoring and takes log backups
step "Seed the original primary" { database.seed { copy = db.primary, from = db.secondary } }

gate "Close the service and go home?" {
  says = "From here on clients have to wait until the primary is online. Until then everything can "
    .. "be rolled back.",
}
step "Bring the primary near" { database.catch_up { copy = db.primary, from = db.secondary } }

-- Step 1
step "Close the active servers" { pool.close(chat) }

-- Step 2
step "Remove the secondary's mirror" { mirror.remove(db.secondary_mirror) }
step "Let the clients leave" {
  wait_until { db.secondary:has { sessions = 0 }, timeout = "5s", every = "100ms", go_on = true },
}
step "End every session" { sessions.kill_all(db.secondary) }

-- From here on nobody can write to the secondary
step "Hand over"                { database.hand_over(db.secondary) }
step "Apply the last log backup" { database.catch_up { copy = db.primary, from = db.secondary } }
step "Bring the primary online" { database.recover(db.primary), point_of_no_return = true }

-- Step 5
step "Ship the log to the secondary again" { log_shipping.install(db.secondary) }
step "Install the primary's mirror" {
  mirror.install { principal = db.primary, mirror = db.mirror },
}

-- Step 7, then step 6
step "Mark the pool normal"   { pool.set_state(chat, "Normal") }
step "Set the active servers" { pool.set_active_servers(chat, near(db.primary)) }

step "Verify the site" {
  verify {
    db.primary:has { state = "online", writable = true },
    db.mirror:follows(db.primary),
    db.secondary:has { state = "restoring", writable = false, log_shipping = "configured" },
    db.secondary:log_chain_is_whole(),
    db.secondary_mirror:is "missing",
    chat:is "Normal",
    chat:has_active_servers(near(db.primary)),
  },
}
