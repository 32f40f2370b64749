-- The log files of PostgreSQL: what their names say, and which of them a standby still needs.
--
-- A log file has the name TTTTTTTTHHHHHHHHSSSSSSSS: timeline, upper half of the LSN, and the number
-- of the segment within that half, in hexadecimal. All of them are of one length, the segment size,
-- so that every name says from which LSN to which the file reaches.

local entry = require "bascule/platforms/entry"
local list = require "bascule/core/list"
local text = require "bascule/core/text"

local M = {}

local half = 1 << 32

-- "0/3000148", as the server writes an LSN, as a number; nil for anything else.
function M.lsn(written)
  local high, low = written:match("^(%x+)/(%x+)$")
  return high and tonumber(high, 16) * half + tonumber(low, 16)
end

-- The name of the log file of a timeline that begins at an LSN.
function M.name(timeline, first_lsn, segment)
  return ("%08X%08X%08X"):format(timeline, first_lsn // half, first_lsn % half // segment)
end

-- The number of the segment in a log file's name, or nil.
local function number_of(name, segment)
  local number = #name == 24 and not name:find("[^%dA-F]") and tonumber(name:sub(17), 16)
  return number and number < half // segment and number or nil
end

-- {timeline, first_lsn, last_lsn} of a log file's name, or nil.
local function range_of(name, segment)
  local number = number_of(name, segment)
  if not number then
    return nil
  end
  local first = tonumber(name:sub(9, 16), 16) * half + number * segment
  return { timeline = tonumber(name:sub(1, 8), 16), first_lsn = first, last_lsn = first + segment }
end

-- Why a file of the share is no log file that a standby could take; nil for one that is.
local function why_not(name, segment)
  if number_of(name, segment) then
    return nil
  elseif name:find("^%x+%.history$") then
    return "history of a timeline"
  elseif name:find("^%x+%.partial$") then
    return "beginning of a log file, left by a primary when its successor took over"
  elseif name:find("%.backup$") then
    return "label of a base backup"
  end
  return "not a log file"
end

local function take_apart(files)
  local sizes = {}
  for _, line in ipairs(files) do
    local space = line:find(" ", 1, true)
    sizes[line:sub(space + 1)] = tonumber(line:sub(1, space - 1))
  end
  return sizes
end

-- The two folders that were taken apart last: a look at log files asks for them again and again,
-- and so does the next one.
local last, before = { files = {}, sizes = {} }, { files = {}, sizes = {} }

-- {name = bytes} of the lines of a listed folder.
local function sizes_of(files)
  if files ~= last.files and not list.same(files, last.files) then
    last, before = before, last
    if files ~= last.files and not list.same(files, last.files) then
      last = { files = files, sizes = take_apart(files) }
    end
  end
  return last.sizes
end

-- The names in two folders of which `is_wanted` is true, in order.
local function names_of(share, destination, is_wanted)
  local found = {}
  for _, sizes in ipairs { share, destination } do
    for name in next, sizes do
      found[name] = is_wanted(name) or nil
    end
  end
  return list.keys(found)
end

local function line_of(name, range, bytes, copied, differs)
  return entry.write { first_lsn = range.first_lsn, last_lsn = range.last_lsn, bytes = bytes,
    copied = copied, differs = differs, file = name }
end

local function wrong_length(name, bytes, segment)
  return ("%s has %s bytes instead of %s"):format(name, text.thousands(bytes),
    text.thousands(segment))
end

-- Walks from the applied LSN as far as one file follows the other. A file of which only a part was
-- copied has to be copied again, and so has one whose name is in `worse`.
local function walk(at, share, destination, worse)
  local found = { chain = {}, pending = 0, copied_lsn = at.lsn, last_lsn = at.lsn }
  local first = at.lsn // at.segment * at.segment
  while true do
    local name = M.name(at.timeline, first, at.segment)
    local copied = destination[name] == at.segment and not worse[name]
    local bytes = copied and at.segment or share[name] or destination[name]
    if not bytes then
      return found, first, name
    elseif bytes ~= at.segment then
      found.problem, found.problem_text = "damaged", wrong_length(name, bytes, at.segment)
    end
    local range = range_of(name, at.segment)
    found.chain[#found.chain + 1] = line_of(name, range, bytes, copied, worse[name])
    found.pending = found.pending + (copied and 0 or bytes)
    found.last_lsn = range.last_lsn
    if copied and found.copied_lsn >= first then
      found.copied_lsn = range.last_lsn
    end
    first = range.last_lsn
  end
end

-- Whether there is any log file in a listed folder, of whatever timeline.
function M.has_any(files, segment)
  for _, line in ipairs(files) do
    if range_of(line:match("^%d+ (.+)$"), segment) then
      return true
    end
  end
  return false
end

-- The log files of which both folders have a whole one that the copy has yet to read to its end.
function M.pairs(at, share_files, destination_files)
  local share, destination = sizes_of(share_files), sizes_of(destination_files)
  return names_of({}, destination, function(name)
    local range = share[name] == at.segment and destination[name] == at.segment
      and range_of(name, at.segment)
    return range and range.timeline == at.timeline and range.last_lsn > at.lsn
  end)
end

-- A timeline that left ours where the copy has not been yet: somebody has gone another way.
local function other_way(at, histories)
  for _, history in ipairs(histories) do
    if history.parent == at.timeline and history.lsn >= at.lsn then
      return "foreign_fork", ("%s says that timeline %d left timeline %d at LSN %d, and the copy "
        .. "is at LSN %d"):format(history.file, history.timeline, at.timeline, history.lsn, at.lsn)
    end
  end
end

-- What lies behind the end of the chain: a later file of the timeline means that one is missing,
-- a file of a later timeline that somebody has gone another way. Either has a name that comes after
-- that of the missing one.
local function look_behind(at, found, ends, missing, share, destination)
  local names = names_of(share, destination, function(name)
    return name > missing
  end)
  for _, name in ipairs(names) do
    local range = range_of(name, at.segment)
    if range and range.timeline == at.timeline and range.first_lsn > ends then
      return "gap", ("%s is missing (LSN %d–%d), but %s (LSN %d–%d) is there"):format(missing,
        ends, ends + at.segment, name, range.first_lsn, range.last_lsn)
    elseif range and range.timeline > at.timeline and range.last_lsn > at.lsn then
      return "foreign_fork", ("%s (LSN %d–%d) is of timeline %d, but the copy is on timeline %d")
        :format(name, range.first_lsn, range.last_lsn, range.timeline, at.timeline)
    end
  end
  return found.problem or "none", found.problem_text
end

-- Timelines that were tried and given up keep their numbers: a standby that comes online takes the
-- next one that it finds no history of, so it has to have them all by then. Before that it must
-- not: one that is started again would look for the latest of them and refuse to go on.
local function given_up(histories)
  return list.map(histories, function(history)
    return line_of(history.file, { first_lsn = history.lsn, last_lsn = history.lsn },
      history.bytes, history.copied)
  end)
end

-- The histories of timelines later than one in two listed folders: {file, timeline, bytes, copied}.
function M.histories(timeline, share_files, destination_files)
  local share, destination = sizes_of(share_files or {}), sizes_of(destination_files)
  local function timeline_of(name)
    return tonumber(name:match("^(%x%x%x%x%x%x%x%x)%.history$") or "0", 16)
  end
  local names = names_of(share, destination, function(name)
    return timeline_of(name) > timeline
  end)
  return list.map(names, function(name)
    return { file = name, timeline = timeline_of(name), bytes = share[name] or destination[name],
      copied = destination[name] ~= nil and destination[name] == (share[name]
        or destination[name]) }
  end)
end

-- The timeline of a server that leaves timeline `now`: the first number that none of the lines in
-- `timelines` is the history of.
function M.next_timeline(now, timelines)
  local taken = {}
  for _, line in ipairs(timelines) do
    local name = entry.read(line).file:match("^(%x+)%.history$")
    if name then
      taken[tonumber(name, 16)] = true
    end
  end
  repeat
    now = now + 1
  until not taken[now]
  return now
end

-- The files of the share that are no log files, and what they are.
local function ignored_of(share, segment)
  local whys = {}
  for name in next, share do
    whys[name] = why_not(name, segment)
  end
  return list.map(list.keys(whys), function(name)
    return ("%s: %s"):format(name, whys[name])
  end)
end

-- What a standby that has come to {timeline, lsn, segment} needs of two listed folders, as facts
-- of log backups. `share` may be nil when it cannot be read; `histories` are those of later
-- timelines, with `parent` and `lsn`; `worse` has the names of copied files that the share has
-- whole and the destination has not.
function M.chain(at, share_files, destination_files, histories, worse)
  local share, destination = sizes_of(share_files or {}), sizes_of(destination_files)
  local found, ends, missing = walk(at, share, destination, worse or {})
  local problem, problem_text = look_behind(at, found, ends, missing, share, destination)
  if problem == "none" then
    local other, why = other_way(at, histories or {})
    problem, problem_text = other or problem, why or problem_text
  end
  return {
    chain = found.chain,
    timelines = given_up(histories or {}),
    applied_lsn = at.lsn,
    copied_lsn = found.copied_lsn,
    last_lsn = found.last_lsn,
    pending_bytes = found.pending,
    problem = problem,
    problem_text = problem_text or "",
    ignored = ignored_of(share, at.segment),
  }
end

return M
