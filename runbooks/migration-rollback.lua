-- Moves users and applications back to the legacy pool, when the run that moved them is over.
--
-- A run that is parked, or was stopped, is taken back with `bascule rollback RUN`. This one is for
-- afterwards. With --set run=RUN exactly those go back whom that run has moved, the last first;
-- without it everybody who is in the new pool. A legacy pool that was retired takes nobody back.
--
-- Follows "Migration process" (Lync Server 2013): operations are moved back to the old servers. Two
-- things do not come along, and are shown before anything begins.

runbook "migration-rollback" {
  summary = "Move users and applications back to the legacy pool",
  params  = {
    directory = param.directory(),
    run       = param.text { default = "", doc = "the run whose moves are taken back" },
  },
}
local people = params.directory
local legacy = people.legacy
local back = move_back(legacy, params.run)

guard "The legacy pool can take everybody back" {
  legacy:is "deployed",
  legacy:services_run(),
  legacy:can_be_administered(),
}
guard "Every user has one home" { people.users:are_in_one_pool_each() }

step "Show what it costs"           { caveats.show(people), inventory.take(people) }
gate "Move everybody back?" {
  says = "Meetings that were scheduled since stop working, and clients have to be downgraded.",
}
step "Move the applications back"   { each(people.applications, { parallel = 1 }, back) }
step "Move the users back"          { each(people.users, { batch = 500, parallel = 8 }, back) }
step "Count who is where now" {
  inventory.take(people),
  verify { people.users:are_in_one_pool_each() },
}
