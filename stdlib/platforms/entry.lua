-- One log backup of a chain. Ten thousand of them stay small because each is one line of text:
-- first LSN, last LSN, bytes, SHA-256, time, "copied", "missing", or "differs" where what was
-- copied has to be replaced, file name; "-" is not known.

local M = {}

local shape = "^(%d+) (%d+) (%S+) (%S+) (%S+) (%a+) (.+)$"

local function known(word)
  return word ~= "-" and word or nil
end

-- {first_lsn, last_lsn, bytes, sha256, time, copied, file}
function M.read(line)
  local first, last, bytes, sha256, time, where, file = line:match(shape)
  if not file then
    error(("%q does not describe a log backup"):format(line), 0)
  end
  return {
    first_lsn = tonumber(first), last_lsn = tonumber(last),
    bytes = known(bytes) and tonumber(bytes), sha256 = known(sha256), time = known(time),
    copied = where == "copied", differs = where == "differs", file = file,
  }
end

function M.write(entry)
  return ("%d %d %s %s %s %s %s"):format(entry.first_lsn, entry.last_lsn, entry.bytes or "-",
    entry.sha256 or "-", entry.time or "-",
    entry.copied and "copied" or entry.differs and "differs" or "missing", entry.file)
end

-- The questions that are asked of every line, without taking it apart.

function M.is_copied(line)
  return line:find("^%d+ %d+ %S+ %S+ %S+ copied ") ~= nil
end

function M.differs(line)
  return line:find("^%d+ %d+ %S+ %S+ %S+ differs ") ~= nil
end

-- The line as it is once the backup has been copied.
function M.as_copied(line)
  return (line:gsub("^(%d+ %d+ %S+ %S+ %S+) missing ", "%1 copied "))
end

function M.last_lsn(line)
  return tonumber(line:match("^%d+ (%d+) "))
end

return M
