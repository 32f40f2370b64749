-- The driver `sql` of user directories: each question and each change is a statement that the site
-- file gives. See directory.lua for what a driver does.

local _, host = ...
local effects = require "bascule/effects"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local text = require "bascule/core/text"

local M = { observe = {} }

-- How many are named at most, and how many are read to tell how many too many there are.
local names_most, rows_most = 1000, 100000

function M.lease(people)
  return inventory.leased_file(people.server, people.path or people.file)
end

-- The rows of a statement; nil and the error where it cannot be asked. More than `most` are an
-- error, unless they are to be `cut` off.
local function rows_of(people, statement, named, most, cut)
  local value, failure = effects.call("sql.query", {
    server = people.server, file = people.file, database = people.database, sql = statement,
    named = named or {}, max_rows = most, cut = cut, aside = people.path ~= nil or nil,
  })
  if not value then
    return nil, failure
  end
  return value.rows
end

local function unreachable(failure)
  return { state = "unreachable", reason = failure.message }
end

local function without_end(statement)
  return (statement:gsub("[%s;]+$", ""))
end

-- How many rows a statement gives, however many they are.
local function count_of(people, statement)
  local rows, failure = rows_of(people,
    ("SELECT count(*) FROM (%s\n) AS counted"):format(without_end(statement)))
  return rows and math.tointeger(tonumber(rows[1][1])), failure
end

-- The first names that a statement gives. How a statement says that it wants no more of them is not
-- the same on every server.
local function names_of(people, statement)
  local rows, failure = rows_of(people, statement, nil, names_most, true)
  return rows and list.map(rows, function(row)
    return tostring(row[1])
  end), failure
end

-- ------------------------------------------------------------ who is where

-- A name as those directories compare it that mind neither case nor blanks at its end.
local function plain(pool)
  return type(pool) == "string" and pool:gsub("%s+$", ""):lower() or nil
end

-- Whoever is in a pool by another spelling of its name is in it: it must not pass for empty.
local function side_of(people, pool)
  local name = plain(pool)
  return name == plain(people.legacy) and "legacy" or name == plain(people.new) and "new"
    or "elsewhere"
end

-- How many are in each pool: {legacy, new, elsewhere, total}, or nil and the error.
local function counts_of(people, who)
  local rows, failure = rows_of(people, who.count)
  if not rows then
    return nil, failure
  end
  local counts = { legacy = 0, new = 0, elsewhere = 0, total = 0 }
  for _, row in ipairs(rows) do
    local side, count = side_of(people, row[1]), math.tointeger(tonumber(row[2]))
    if not count then
      return nil, { message = "the statement `count` does not give a number in its second column" }
    end
    counts[side] = counts[side] + count
    counts.total = counts.total + count
  end
  return counts
end

-- Those whose names the site file gives, each looked for.
local function pilot_names(people)
  if type(people.pilot) == "table" then
    return people.pilot
  end
  local rows, failure = rows_of(people, people.pilot, nil, rows_most)
  if rows and #rows > names_most then
    return nil, { message = ("the statement `pilot` gives %s names, and %s are the most"):format(
      text.thousands(#rows), text.thousands(names_most)) }
  end
  return rows and list.map(rows, function(row)
    return tostring(row[1])
  end), failure
end

-- The pools of each name, as rows; nil and the error where they cannot be asked for.
local function homes_of(people, names)
  return effects.call("sql.each", {
    server = people.server, file = people.file, database = people.database,
    sql = people.users.find, aside = people.path ~= nil or nil,
    each = host.list(list.map(names, function(name)
      return { name = name }
    end)),
  })
end

local function pilot(people)
  local names, failure = pilot_names(people)
  if not names then
    return unreachable(failure)
  end
  local facts = { state = "online", legacy = 0, new = 0, elsewhere = 0, total = 0, twice = 0,
    missing = 0, names = host.list(list.copy(names)) }
  local found, wrong = homes_of(people, names)
  if not found then
    return unreachable(wrong)
  end
  for _, rows in ipairs(found) do
    for _, row in ipairs(rows) do
      local side = side_of(people, row[1])
      facts[side] = facts[side] + 1
    end
    facts.total = facts.total + math.min(#rows, 1)
    facts.missing = facts.missing + (#rows == 0 and 1 or 0)
    facts.twice = facts.twice + (#rows > 1 and 1 or 0)
  end
  return facts
end

local function members(people, who)
  return who == "users" and people.users or people.applications[who]
end

-- Why a pool that `count` gives nobody for is not empty, or nil: it is retired on that word.
local function overlooked(people, who, counts)
  for _, side in ipairs { "legacy", "new" } do
    local pool = people[side]
    local rows, failure = {}, nil
    if counts[side] == 0 then
      rows, failure = rows_of(people, who.list, { pool = pool, after = "", limit = 1 })
    end
    if failure then
      return failure
    elseif #rows > 0 then
      return { message = ("the statement `count` gives nobody for %s, and `list` gives %s"):format(
        pool, text.value(rows[1][1])) }
    end
  end
end

-- The counts, counted again where somebody may have come between two questions.
local function sure_counts(people, who)
  local counts, failure = counts_of(people, who)
  local wrong = counts and overlooked(people, who, counts)
  if wrong then
    counts, failure = counts_of(people, who)
    wrong = counts and overlooked(people, who, counts)
  end
  return not wrong and counts or nil, wrong or failure
end

function M.observe.homes(people, who)
  if who == "pilot" then
    return pilot(people)
  end
  local statements = members(people, who)
  local facts, failure = sure_counts(people, statements)
  if not facts then
    return unreachable(failure)
  end
  facts.state = "online"
  if statements.twice then
    facts.twice, failure = count_of(people, statements.twice)
    if not facts.twice then
      return unreachable(failure)
    end
  end
  return facts
end

-- ------------------------------------------------------------ the two pools

local yes = { [1] = true, [true] = true, ["1"] = true, t = true, ["true"] = true, yes = true }

local known_states = { deployed = true, retired = true }

function M.observe.deployment(people, side)
  local rows, failure = rows_of(people, people.deployment, { pool = people[side] })
  if not rows then
    return unreachable(failure)
  elseif #rows == 0 then
    return { state = "missing", pool = people[side] }
  end
  local state, version, replicated, store = table.unpack(rows[1], 1, 4)
  local facts = { state = state, pool = people[side], replicated = yes[replicated] or false }
  facts.version = version ~= nil and tostring(version) or nil
  facts.store = store ~= nil and tostring(store) or nil
  if not known_states[state] then
    facts.state = "missing"
    facts.reason = ("the directory calls its state %s"):format(text.value(state))
  end
  return facts
end

function M.observe.services(people, side)
  local rows, failure = rows_of(people, people.services.list, { pool = people[side] })
  if not rows then
    return unreachable(failure)
  end
  local idle = list.map(rows, function(row)
    return row[2] ~= "running" and tostring(row[1]) or nil
  end)
  table.sort(idle)
  local facts = { state = #idle == 0 and #rows > 0 and "running" or "stopped",
    not_running = host.list(idle) }
  if #rows == 0 then
    facts.reason = ("the directory lists no service of %s"):format(people[side])
  end
  return facts
end

function M.observe.administration(people, side)
  local rows, failure = rows_of(people, people.administration, { pool = people[side] })
  if not rows then
    return unreachable(failure)
  end
  local tools, wrong = {}, nil
  for index, row in ipairs(rows) do
    tools[index] = tostring(row[1])
    if row[2] ~= "reachable" then
      wrong = wrong or ("%s is %s"):format(tools[index], text.value(row[2]))
    end
  end
  if #rows == 0 then
    wrong = ("the directory lists no tool for %s"):format(people[side])
  end
  return { state = wrong and "unreachable" or "reachable", tool = table.concat(tools, ", "),
    reason = wrong }
end

-- ------------------------------------------------------------ who can talk to whom

-- What was measured from one pool to another by each channel, all rows of a pair together, and the
-- channels; nil and the error where it is no number.
local function measured(people, rows)
  local found, channels = {}, {}
  for _, row in ipairs(rows) do
    local from, to = side_of(people, row[1]), side_of(people, row[2])
    local key = ("%s > %s %s"):format(from, to, tostring(row[3]))
    local delivered, failed = math.tointeger(tonumber(row[4])), math.tointeger(tonumber(row[5]))
    if not delivered or not failed then
      return nil, { message = "the statement `talk` does not give numbers in its last two columns" }
    elseif from ~= "elsewhere" and to ~= "elsewhere" then
      local sum = found[key] or { delivered = 0, failed = 0 }
      channels[tostring(row[3])] = true
      found[key] = { delivered = sum.delivered + delivered, failed = sum.failed + failed }
    end
  end
  return found, list.keys(channels)
end

-- Pairs of pools between which somebody could send: one user has nobody of the own pool to talk to.
local function demanded(counts)
  local pairs_of = {}
  for _, from in ipairs { "legacy", "new" } do
    for _, to in ipairs { "legacy", "new" } do
      if counts[from] > 0 and counts[to] > (from == to and 1 or 0) then
        pairs_of[#pairs_of + 1] = ("%s > %s"):format(from, to)
      end
    end
  end
  return pairs_of
end

-- The line of one pair, and what speaks against it: "broken" or "untested".
local function judged(found, pair, channel)
  local one = found[pair .. " " .. channel] or { delivered = 0, failed = 0 }
  local line = ("%s %s: %s delivered, %s failed"):format(pair, channel,
    text.thousands(one.delivered), text.thousands(one.failed))
  return line, one.failed > 0 and "broken" or one.delivered == 0 and "untested" or nil
end

function M.observe.talk(people)
  local counts, failure = counts_of(people, people.users)
  local rows
  if counts then
    rows, failure = rows_of(people, people.talk)
  end
  if not rows then
    return unreachable(failure)
  end
  local found, channels = measured(people, rows)
  if not found then
    return unreachable(channels)
  end
  local facts = { state = #channels > 0 and "fine" or "untested", matrix = {},
    reason = #channels == 0 and "nothing was measured" or nil }
  for _, pair in ipairs(demanded(counts)) do
    for _, channel in ipairs(channels) do
      local line, wrong = judged(found, pair, channel)
      facts.matrix[#facts.matrix + 1] = line
      if wrong and (facts.state == "fine" or wrong == "broken" and facts.state ~= "broken") then
        facts.state, facts.reason = wrong, line
      end
    end
  end
  facts.matrix = host.list(facts.matrix)
  return facts
end

-- ------------------------------------------------------------ the way back

-- Adds how many, and who, by one caveat, unless the site file does not say how they are found.
-- Returns an error where it cannot be asked.
local function add_caveat(people, facts, key, words)
  local statement = people.caveats[key]
  if not statement then
    return nil
  end
  local count, failure = count_of(people, statement)
  local names
  if count then
    names, failure = names_of(people, statement)
  end
  for _, name in ipairs(names or {}) do
    facts.affected[#facts.affected + 1] = ("%s: %s"):format(name, words)
  end
  if names and count > #names then
    facts.affected[#facts.affected + 1] = ("%s more: %s"):format(text.thousands(count - #names),
      words)
  end
  facts[key] = count
  return not names and failure or nil
end

function M.observe.caveats(people)
  local facts = { state = "known", affected = {} }
  local failure = add_caveat(people, facts, "meetings", "meetings scheduled since stop working")
    or add_caveat(people, facts, "clients", "the client has to be downgraded")
  if failure then
    return unreachable(failure)
  end
  facts.affected = host.list(facts.affected)
  return facts
end

function M.observe.backup(people)
  local rows, failure = rows_of(people, people.backup.state)
  if not rows then
    return unreachable(failure)
  end
  local time = rows[1] and rows[1][1]
  if time == nil or time == host.null then
    return { state = "missing" }
  end
  return { state = "made", time = tostring(time) }
end

-- ------------------------------------------------------------ changes

-- A statement on one line, with its values in the places of their names; for people only.
local function words(statement, named)
  local line = statement:gsub("%s+", " ")
  return (line:gsub(":(%a[%w_]*)", function(name)
    local value = (named or {})[name]
    return value and "'" .. value:gsub("'", "''") .. "'" or nil
  end))
end

local function execution(people, statement, named)
  return {
    row = "sql.execute",
    args = { server = people.server, file = people.file, database = people.database,
      sql = statement, named = named or {} },
    statement = words(statement, named),
  }
end

local function move_words(people, who, order)
  local what = list.map(members(people, who == "pilot" and "users" or who).move, function(each)
    return words(each, { from = order.from, to = order.to })
  end)
  local pace = order.rate and (", %s a second at most"):format(text.thousands(order.rate)) or ""
  return ("%s; for %s, %s at a time, %d at once, until %d have failed%s"):format(
    table.concat(what, "; "), order.words, text.thousands(order.batch), order.parallel,
    order.stop_after, pace)
end

function M.move(people, who, order)
  local kind = who == "pilot" and "users" or who
  local statements = members(people, kind)
  return {
    row = "users.move",
    args = {
      server = people.server, file = people.file, database = people.database,
      list = statements.list, find = statements.find, move = host.list(list.copy(statements.move)),
      from = order.from, to = order.to, names = order.names and host.list(list.copy(order.names)),
      moved_by = order.moved_by, batch = order.batch, parallel = order.parallel,
      stop_after = order.stop_after, rate = order.rate, noun = order.noun,
      kind = kind, directory = people.name,
    },
    statement = move_words(people, who, order),
  }
end

function M.start(people, side, service)
  local start = people.services.start
  return start and execution(people, start, { pool = people[side], name = service })
end

function M.stop(people, side, service)
  local stop = people.services.stop
  return stop and execution(people, stop, { pool = people[side], name = service })
end

function M.back_up(people)
  return people.backup.make and execution(people, people.backup.make)
end

function M.retire(people, side)
  return people.retire and execution(people, people.retire, { pool = people[side] })
end

return M
