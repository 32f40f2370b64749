-- How a standby fetches log files, where they are put into its pg_wal as well: it asks its
-- restore_command for each of them first, and `cp` takes its time to say that a file is not there.

local inventory = require "bascule/language/inventory"
local match = require "bascule/core/match"

local M = { verbs = {} }

-- Whoever finds it in the server's settings reads why.
local mark = " # while log files are handed over"

-- A path that a shell takes as it stands, quoted or not, with the name of the file in it.
local paths = { "^cp ([%w/._+:@%%-]*%%f) (.*)$", '^cp ("[%w/._+:@%%-]*%%f") (.*)$' }
local rests = {
  ["%p"] = true, ['"%p"'] = true, ["%p 2>/dev/null"] = true,
  ['"%p" 2>/dev/null'] = true,
}

-- The command that looks for the file before it copies it; nil where `plain` is not a plain `cp`.
local function quick_of(plain)
  for _, path in ipairs(paths) do
    local file, rest = plain:match(path)
    if rests[rest] then
      return ("test -e %s && %s%s"):format(file, plain, mark)
    end
  end
end

-- Of a command that was made quicker: what it was before; nil for any other.
function M.plain(command)
  local plain = type(command) == "string" and command:match("^test %-e %S+ && (cp .*)$")
  plain = plain and plain:sub(1, -#mark - 1)
  return plain and quick_of(plain) == command and plain or nil
end

-- The command as it was, and the quick one; nil where it is anything but a plain `cp`.
function M.ways(command)
  local plain = M.plain(command) or type(command) == "string" and command
  local quick = plain and quick_of(plain)
  if quick then
    return plain, quick
  end
end

-- Whether log files are put into the pg_wal of a copy.
function M.verbs.hastens(copy)
  local database = inventory.database(copy.database)
  local shipping = database and database.log_shipping or {}
  return copy.role == "secondary" and shipping.into_pg_wal == true
end

-- What is told of a standby's settings: a plain `cp` that stands in a configuration file, and the
-- quick one of ALTER SYSTEM. There may be a password in any other. Before PostgreSQL 14, where it
-- cannot be changed while the server runs, `restore_altered` is nil.
function M.told(copy, row)
  if row.restoring ~= 1 or not M.verbs.hastens(copy) then
    return nil
  end
  local plain, quick = M.ways(row.restore_command)
  local told = row.restore_altered == 1 and quick or row.restore_altered == 0 and plain
  return told and told == row.restore_command and told or nil
end

-- What puts back how it fetches log files, where somebody was killed while they were handed over.
function M.verbs.out_of_haste(copy, facts)
  local left = facts.restore_command
  return M.plain(left) and {
    row = "standby.reset",
    args = { server = copy.server, database = copy.site.database, name = "restore_command",
      value = left },
    statement = ("ALTER SYSTEM RESET restore_command on %s, if it is '%s' still"):format(
      copy.server, left),
    becomes = { restore_command = match.no_longer(left) },
    repeatable = true,
  } or nil
end

-- What a statement says of that, whatever it fetches them with when that is planned.
M.words = "; until the last file is under way, its restore_command may be one that looks for a "
  .. "file before it copies it (ALTER SYSTEM)"

return M
