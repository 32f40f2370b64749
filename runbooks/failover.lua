-- Fails a pool over to its log-shipped secondary database.
--
-- For the day when the primary data centre is lost: the primary database, its mirror and the front
-- ends there are down, and the secondary data centre is up. When only the primary database is lost,
-- use its mirror instead of this runbook.
--
-- A failover that was stopped, at whichever step, is finished by running this again: what was done
-- is kept, and a secondary that is online already keeps its data and its clients.
--
-- Follows "Failing over Persistent Chat Server" (Lync Server 2013); the numbers are its steps.

runbook "failover" {
  summary = "Fail a pool over to its log-shipped secondary database",
  params  = { pool = param.pool(), database = param.database { default = "mgc" } },
}
local db, chat = params.database, params.pool

guard "The secondary data centre is up" {
  either { db.secondary:is { "restoring", "standby" }, db.secondary:was_recovered() },
}
guard "The primary and its mirror are down" {
  db.primary:is { "unreachable", "missing" },
  db.mirror:is { "unreachable", "missing" },
  because = "Two writable copies would drift apart, and one of them would have to be thrown away.",
}
guard "The log chain is whole" {
  db.secondary:log_chain_is_whole(),
  because = "A log backup can be applied only after the one before it; nothing is skipped.",
}
guard "There is room for the log backups" { db.secondary:has_room_for_log_backups() }

-- Step 1
step "Remove log shipping"             { log_shipping.remove(db.secondary) }

-- Steps 2 and 3
step "Copy the backups not yet copied" { log_backups.copy(db.secondary) }
step "Apply the log backups in order"  { log_backups.apply(db.secondary) }
step "Salvage the tail of the log"     { log_backups.salvage(db.primary), optional = true }

-- Step 4
step "End every session"               { sessions.kill_all(db.secondary) }
gate "Bring the database online?"      { shows = { "data_loss_window" } }
step "Bring the database online"       { database.recover(db.secondary), point_of_no_return = true }

-- Step 5
step "Mark the pool failed over"       { pool.set_state(chat, "FailedOver") }

-- Step 6: not the mirror of the old primary
step "Install the new mirror" {
  mirror.install { principal = db.secondary, mirror = db.secondary_mirror },
}

-- Step 7
step "Set the active servers"          { pool.set_active_servers(chat, near(db.secondary)) }

step "Verify the site" {
  verify {
    db.secondary:has { state = "online", writable = true },
    db.secondary_mirror:follows(db.secondary),
    chat:is "FailedOver",
    chat:has_active_servers(near(db.secondary)),
  },
}
