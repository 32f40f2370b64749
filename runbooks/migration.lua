-- Moves everybody and everything from a legacy pool to a new one that is deployed beside it, and
-- retires the legacy pool.
--
-- It takes weeks. Where somebody has to wait, for a date or for a decision, the run is parked:
-- nothing goes on, and `bascule resume RUN` goes on from there, as often as need be. Until the last
-- phase everything can be taken back with `bascule rollback RUN`, or, when the run is long over,
-- with migration-rollback.lua; what that costs is shown before it begins.
--
-- Follows "Migration process" (Lync Server 2013), and the guides for migrations from Lync Server
-- 2010 and Office Communications Server 2007 R2; docs/migration.md has their sentences beside these
-- lines.

runbook "migration" {
  summary = "Move all users and applications to a new pool, and retire the legacy pool",
  params  = { directory = param.directory() },
}
local people = params.directory
local legacy, new = people.legacy, people.new

phase "Prepare" {
  guard "Every user has one home" {
    people.users:are_in_one_pool_each(),
    people.pilot:are_in_one_pool_each(),
    because = "Whoever has two homes, or none, cannot be moved from one to the other.",
  },
  step "Count who is where"      { inventory.take(people) },
  step "Back the directory up"   { directory.back_up(people) },
}

phase "Deploy in parallel" {
  guard "Both pools are deployed" { legacy:is "deployed", new:is "deployed" },
  guard "The new pool keeps its users apart" {
    new:has_a_store_of_its_own(),
    because = "Two versions cannot share the store of their users.",
  },
  guard "The new pool is replicated to" {
    new:is_replicated(),
    because = "A pool cannot serve users whom it does not know.",
  },
}

phase "Coexistence" {
  step "Start the new pool" {
    services.start(new),
    wait_until { people:can_talk(), timeout = "5m", every = "2s", go_on = true },
  },
  guard "The services run"         { legacy:services_run(), new:services_run() },
  guard "Both pools can be administered" {
    legacy:can_be_administered(),
    new:can_be_administered(),
    because = "Each is administered with the tool of its own version.",
  },
  guard "The users can talk" { people:can_talk() },
}

phase "Pilot" {
  step "Move the pilot users" {
    each(people.pilot, {}, move_to(new)),
    verify { people.pilot:are_all_on(new), people.pilot:are_in_one_pool_each() },
  },
  step "Talk both ways" {
    wait_until { people:can_talk(), timeout = "5m", every = "2s" },
    inventory.take(people),
  },
  gate "Accept the pilot?" {
    after = "14d", parks = true, override = "accept_early", shows = { people },
    says = "Moved and legacy users have to reach each other by every channel, both ways. From here "
      .. "on everybody is moved.",
  },
}

phase "Move" {
  guard "The pilot still talks" { people:can_talk(), new:is_replicated() },
  step "Move everybody else" {
    each(people.users, { batch = 500, parallel = 8, stop_after_failures = 5 }, move_to(new)),
  },
}

phase "Applications" {
  step "Move the applications"   { each(people.applications, { parallel = 1 }, move_to(new)) },
}

phase "Verify" {
  step "Count who is where now"  { inventory.take(people) },
  step "Nobody is left behind" {
    verify {
      people.users:are_all_on(new),
      people.users:are_in_one_pool_each(),
      people.applications:are_all_on(new),
    },
    wait_until { people:can_talk(), timeout = "5m", every = "2s" },
  },
}

phase "Decommission" {
  gate "Retire the legacy pool?" {
    parks = true, shows = { people },
    says = "There is no way back from here: whoever is not satisfied rolls back now.",
  },
  guard "The legacy pool is empty" {
    legacy:is_empty(),
    because = "Whoever is in a pool that is removed has no home afterwards.",
  },
  step "Retire the legacy pool"  { deployment.retire(legacy), point_of_no_return = true },
  step "The new pool serves everybody" {
    verify {
      legacy:is "retired",
      new:is "deployed",
      new:services_run(),
      people.users:are_all_on(new),
    },
  },
}
