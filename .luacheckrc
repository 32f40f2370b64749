-- Lua 5.4 everywhere. What a file may use beyond that is named here, folder by folder.
std = "lua54"
max_line_length = 100
codes = true

-- The names that a runbook, and a user's own primitive beside it, finds ready.
local runbook_globals = {
  "runbook", "param", "params", "guard", "step", "gate", "phase", "near", "wait_until", "ask",
  "sql", "command", "file", "log_shipping", "log_backups", "sessions", "database", "pool",
  "mirror", "primitive", "require", "verify", "warn", "either", "at_most",
  "at_least", "each", "move_to", "move_back", "services", "deployment", "directory", "inventory",
  "caveats",
}

-- What a file of a user's tests finds ready.
local user_test_globals = { "tests", "test", "at_most", "at_least", "require" }

-- What the runner of the library's own tests adds.
local test_globals = { "host", "expect", "drive", "require_module" }

files["runbooks"] = { read_globals = runbook_globals }
files["runbooks/*_test.lua"] = { read_globals = user_test_globals }
files["tests/stdlib"] = { read_globals = test_globals }
files["tests/stdlib/modules/*greet.lua"] = { read_globals = runbook_globals }
files["tests/stdlib/modules/*primitive.lua"] = { read_globals = runbook_globals }
files["tests/**/runbooks"] = { read_globals = runbook_globals }
