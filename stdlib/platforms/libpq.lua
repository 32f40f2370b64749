-- What a PostgreSQL client says when it cannot log in, as the state of a copy.
--
-- Only a server for which nobody answers is unreachable. One that refuses us is alive, and whoever
-- takes it for dead would have two primaries; so what is not understood is not known.

local M = {}

local attempt_begins = "connection to server "

-- What the system says of an attempt to which nobody answered.
local silences = {
  "failed: Connection refused", "failed: No such file or directory", "failed: No route to host",
  "failed: Network is unreachable", "failed: Host is down", "failed: Connection timed out",
  "failed: timeout expired",
}

-- What a server says that is not to be asked yet, or not for this database. One that is merely
-- starting up may become anything.
local answers = {
  { "Hot standby mode is disabled", "restoring" },
  { "the database system is not yet accepting connections", "restoring" },
  { 'FATAL: database "[^"]*" does not exist', "missing" },
}

local function names_silence(attempt)
  for _, silence in ipairs(silences) do
    if attempt:find(silence, 1, true) then
      return true
    end
  end
  return false
end

-- What is said where no attempt was made: no such host, or one where nobody takes a connection.
local function needs_no_attempt(words)
  return words:find("could not translate host name", 1, true) ~= nil
    or words:find("nobody answers at ", 1, true) ~= nil
end

-- A host may have several addresses: each of them has been tried, and all of them must be silent.
local function is_silent(words)
  local at = words:find(attempt_begins, 1, true)
  if not at then
    return needs_no_attempt(words)
  end
  while at do
    local following = words:find(attempt_begins, at + 1, true)
    if not names_silence(words:sub(at, following and following - 1)) then
      return false
    end
    at = following
  end
  return true
end

-- Whether time was over for an attempt. That is what a machine that is gone looks like, and also a
-- server that hangs.
function M.was_late(words)
  return words:find("failed: timeout expired", 1, true) ~= nil
end

-- "unreachable", "restoring", "missing", or "unknown".
function M.state(words)
  for _, answer in ipairs(answers) do
    if words:find(answer[1]) then
      return answer[2]
    end
  end
  return is_silent(words) and "unreachable" or "unknown"
end

return M
