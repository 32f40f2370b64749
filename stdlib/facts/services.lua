-- Facts of the services of one of the two pools of a migration.

return {
  kind = "services",
  doc = "the services of the legacy or the new pool of a migration",
  keys = {
    state = { type = "text", values = { "running", "stopped", "unreachable" },
      doc = "running: all of them; stopped: at least one is not" },
    not_running = { type = "list", unit = "names", noun = "service", doc = "which do not run" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
