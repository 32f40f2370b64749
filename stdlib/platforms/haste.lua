-- How a standby fetches log files, where they are put into its pg_wal as well: it asks its
-- restore_command for each of them first, and `cp` takes its time to say that a file is not there.

local M = {}

-- Whoever finds it in the server's settings reads why.
local mark = " # while log files are handed over"

-- A path that a shell takes as it stands, quoted or not, with the name of the file in it.
local path = '^cp ("?[%w/._+:@%%-]*%%f"?) (.*)$'
local rests = {
  ["%p"] = true, ['"%p"'] = true, ["%p 2>/dev/null"] = true,
  ['"%p" 2>/dev/null'] = true,
}

-- Of a command that `ways` has made quicker: what it was before; nil for any other.
function M.plain(command)
  local plain = (command or ""):match("^test %-e %S+ && (cp .*)$")
  return plain and plain:sub(-#mark) == mark and plain:sub(1, -#mark - 1) or nil
end

-- The command as it was, and one that looks for the file before it copies it; nil where that is
-- anything but a plain `cp`.
function M.ways(command)
  local plain = M.plain(command) or command or ""
  local file, rest = plain:match(path)
  if rests[rest] then
    return plain, ("test -e %s && %s%s"):format(file, plain, mark)
  end
end

-- What a statement says of that.
function M.words(quick)
  return quick and ("; while files are left: restore_command = '%s'"):format(quick) or ""
end

return M
