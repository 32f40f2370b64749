-- What works on any site: SQL through the site's connections, files, programs.

local effects = require "bascule/effects"
local inventory = require "bascule/language/inventory"

local M = { observe = {} }

function M.lease(definition)
  local target = definition.target
  return target and inventory.leased_file(target.server, target.file)
end

-- Whole numbers, texts and truth values can be facts; anything else is told as text.
local function fact(value)
  if type(value) == "table" then
    return nil
  end
  return value
end

-- The columns of the first row by name, or by the names in `columns`. A source that does not
-- answer is a fact too.
function M.observe.sql(definition)
  if not definition.sql then
    return {}
  end
  local target = definition.target
  local value, failure = effects.call("sql.query", {
    server = target.server, file = target.file, database = target.database,
    sql = definition.sql, params = definition.params, max_rows = 1,
  })
  if not value then
    return { reachable = false, reason = failure.message }
  end
  local facts = { reachable = true }
  for index, column in ipairs(value.columns) do
    local key = definition.columns and definition.columns[index] or column
    facts[key] = value.rows[1] and fact(value.rows[1][index])
  end
  return facts
end

function M.observe.command(definition)
  if not definition.argv then
    return {}
  end
  local value, failure = effects.call("command.probe", {
    argv = definition.argv, host = definition.host, timeout_ms = definition.timeout_ms,
  })
  if not value then
    return { reachable = false, reason = failure.message }
  end
  return { reachable = true, exit = value.exit, out = value.out, err = value.err }
end

function M.observe.file(path)
  local value, failure = effects.call("file.state", { path = path })
  if not value then
    error(failure.message, 0)
  end
  return { exists = value.exists, bytes = value.bytes, sha256 = value.sha256 or "" }
end

return M
