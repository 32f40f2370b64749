-- Changes sides as planned, without a disaster and without losing anything.
--
-- For a day on which the primary's data centre is to be left while everything in it works: the pool
-- uses the secondary afterwards, exactly as after a failover, but for the old primary, which is
-- closed at its last commit. failback.lua brings the pool home.
--
-- A switchover that was stopped is resumed, or rolled back: until the secondary is brought online
-- the primary can be opened again, with everything in it.
--
-- No document describes it. It is made of the steps of "Failing over" and "Failing back Persistent
-- Chat Server" (Lync Server 2013) and of BACKUP LOG … WITH NORECOVERY.

runbook "switchover" {
  summary = "Move a pool to its secondary database as planned, without loss",
  params  = { pool = param.pool(), database = param.database { default = "mgc" } },
}
local db, chat = params.database, params.pool

guard "The primary is online" { db.primary:has { state = "online", writable = true } }
guard "The secondary takes log backups" { db.secondary:is "restoring" }
guard "The log chain is whole" {
  db.secondary:log_chain_is_whole(),
  because = "A log backup can be applied only after the one before it; nothing is skipped.",
}
guard "There is room for the log backups" { db.secondary:has_room_for_log_backups() }
guard "The pool is normal" { chat:is "Normal" }

step "Remove log shipping"      { log_shipping.remove(db.secondary) }
step "Free the secondary"       { sessions.kill_all(db.secondary) }
step "Bring the secondary near" { database.catch_up { copy = db.secondary, from = db.primary } }

gate "Close the service and change sides?" {
  says = "From here on clients have to wait until the secondary is online. Until then everything "
    .. "can be rolled back.",
}
step "Close the active servers" { pool.close(chat) }
step "Remove the primary's mirror" { mirror.remove(db.mirror) }
step "Let the clients leave" {
  wait_until { db.primary:has { sessions = 0 }, timeout = "5s", every = "100ms", go_on = true },
}
step "End every session" {
  sessions.kill_all(db.primary),
  sessions.kill_all(db.secondary),
}

-- From here on nobody can write to the primary
step "Hand over"                 { database.hand_over(db.primary) }
step "Apply the last log backup" { database.catch_up { copy = db.secondary, from = db.primary } }
step "Bring the database online" { database.recover(db.secondary), point_of_no_return = true }

step "Mark the pool failed over" { pool.set_state(chat, "FailedOver") }
step "Install the new mirror" {
  mirror.install { principal = db.secondary, mirror = db.secondary_mirror },
}
step "Set the active servers" { pool.set_active_servers(chat, near(db.secondary)) }

step "Verify the site" {
  verify {
    db.primary:has { state = "restoring", writable = false },
    db.secondary:has { state = "online", writable = true },
    db.secondary_mirror:follows(db.secondary),
    chat:is "FailedOver",
    chat:has_active_servers(near(db.secondary)),
  },
}
