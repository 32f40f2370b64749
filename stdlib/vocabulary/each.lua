-- Moving those who have a home in a directory from one pool to the other, one by one.

local book = require "bascule/language/book"
local directories = require "bascule/language/directories"
local effects = require "bascule/effects"
local findings = require "bascule/findings"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local nearest = require "bascule/core/nearest"
local platform = require "bascule/platforms/directory"
local primitive = require "bascule/primitive"
local schema = require "bascule/facts/schema"
local text = require "bascule/core/text"

-- How a move goes on: what may be said of it, and what it is otherwise.
local defaults = { batch = 500, parallel = 8, stop_after_failures = 5 }
local most = { batch = 100000, parallel = 64, stop_after_failures = 1000000 }
local option_names = { "batch", "parallel", "stop_after_failures", "rate" }

local function check_number(key, value)
  if value == nil or math.type(value) == "integer" and value >= 1 and value <= most[key] then
    return true
  end
  book.mistake(("%s of each must be a whole number from 1 to %d"):format(key, most[key]),
    ("write for example { %s = %d }"):format(key, defaults[key]))
  return false
end

-- "200/s" as a number; nil after a mistake.
local function read_rate(rate)
  local number = type(rate) == "string" and math.tointeger(tonumber(rate:match("^(%d+)/s$")))
  if not number or number < 1 then
    book.mistake("rate of each says how many are moved in a second", 'write rate = "200/s"')
    return nil
  end
  return number
end

local function check_options(options)
  for _, key in ipairs(list.keys(options)) do
    if not list.contains(option_names, key) then
      book.mistake(("each has no option %q"):format(tostring(key)),
        nearest.hint(tostring(key), option_names))
      return false
    elseif key ~= "rate" and not check_number(key, options[key]) then
      return false
    end
  end
  return options.rate == nil or read_rate(options.rate) ~= nil
end

local function check(a)
  local homes, what = handles.of(a.of), handles.of(a.what)
  if homes.directory.name ~= what.directory.name then
    book.mistake(("%s cannot be moved to a pool of another directory"):format(homes.title),
      "name a pool of the same directory")
    return false
  end
  return check_options(a.options)
end

-- What an action is about: homes, the directory as drivers take it, and both sides.
local function read(a)
  local homes, what = handles.of(a.of), handles.of(a.what)
  local people = platform.named(homes.directory.name)
  return { homes = homes, people = people, run = what.run, to = what.to,
    from = directories.other(what.to) }
end

local nouns = { users = "user", pilot = "user" }

local function order_of(a, move, who, facts)
  local options = a.options
  local noun = nouns[who] or (who:gsub("_", " "):gsub("ies$", "y"):gsub("s$", ""))
  return {
    from = move.people[move.from], to = move.people[move.to],
    words = ("%s of %s%s"):format(who == "pilot" and "the pilot" or "every " .. noun,
      move.people.name, move.run and " whom run " .. move.run .. " has moved" or ""),
    names = who == "pilot" and facts.names or nil,
    moved_by = move.run and { run = move.run } or nil,
    batch = options.batch or defaults.batch, parallel = options.parallel or defaults.parallel,
    stop_after = options.stop_after_failures or defaults.stop_after_failures,
    rate = options.rate and read_rate(options.rate), noun = noun,
  }
end

-- A sum that is not known where a part of it is not.
local function sum(first, second, sign)
  if math.type(first) ~= "integer" or math.type(second) ~= "integer" then
    return schema.unknown_fact("homes", "total")
  end
  return first + (sign or 1) * second
end

-- The counts once `count` have passed from one side to the other; nobody is lost on the way.
local function passed(move, facts, count)
  local from = facts[move.from]
  if math.type(count) == "integer" and math.type(from) == "integer" then
    count = math.min(count, from)
  end
  return { [move.from] = sum(facts[move.from], count, -1), [move.to] = sum(facts[move.to], count) }
end

-- How many of a kind a move is about: all who are there, unless it takes back a run's.
local function count_of(move, facts)
  return move.run and schema.unknown_fact("homes", "total") or facts[move.from]
end

-- The pilot is some of the users: whoever of them is moved counts for both.
local function add_relatives(becomes, move, who, facts, observe)
  local people = move.people
  local users = directories.id(people, "homes", "users")
  if who == "users" and list.contains(platform.populations(people), "pilot") then
    local id = directories.id(people, "homes", "pilot")
    local pilot = observe(id)
    becomes[id] = pilot[move.from] ~= 0 and passed(move, pilot, count_of(move, pilot)) or nil
  elseif who == "pilot" then
    becomes[users] = passed(move, observe(users), count_of(move, facts))
  end
end

-- How many are expected, for whoever watches. It is no part of what was planned, for it moves.
local function expected(count)
  return math.type(count) == "integer" and { total = count } or nil
end

local function change_of(a, move, who, observe)
  local id = directories.id(move.people, "homes", who)
  local facts = observe(id)
  if facts[move.from] == 0 and not move.run then
    return nil
  end
  local change = platform.driver_of(move.people).move(move.people, who,
    order_of(a, move, who, facts))
  change.resource = id
  change.becomes = { [id] = passed(move, facts, count_of(move, facts)) }
  change.repeatable, change.bound = true, expected(count_of(move, facts))
  add_relatives(change.becomes, move, who, facts, observe)
  return change
end

local function changes(a, _, observe)
  local move = read(a)
  return list.map(move.homes.kinds, function(who)
    return change_of(a, move, who, observe)
  end)
end

-- How many come to the other side is for the site to say; it is named here, so that a rollback
-- counts them as they were.
local function wants(a)
  local move, facts = read(a), {}
  if move.run then
    return nil
  end
  for _, id in ipairs(directories.ids(move.homes)) do
    facts[id] = { [move.from] = 0, [move.to] = match.at_least(0) }
  end
  return facts
end

-- Why nobody can have a home there now, or nil.
local function no_home_reason(move, observe)
  local found = move.people.deployment
    and observe(directories.id(move.people, "deployment", move.to))
  if found and found.state ~= "deployed" then
    return ("the pool %s is %s%s"):format(move.people[move.to], found.state,
      found.reason and ": " .. found.reason or "")
  end
end

-- Why nobody may be moved there now, or nil. Without replication the pool would not know them.
local function target_reason(move, observe)
  local reason = no_home_reason(move, observe)
  if not reason and move.people.deployment and move.to == "new"
    and not observe(directories.id(move.people, "deployment", move.to)).replicated then
    reason = ("replication to %s is not finished"):format(move.people[move.to])
  end
  return reason or findings.idle_services(move.people, move.to, observe)
end

local function requires(a, _, observe)
  local move = read(a)
  for _, id in ipairs(directories.ids(move.homes)) do
    local facts = observe(id)
    if facts.state ~= "online" then
      return ("the directory %s cannot be read%s"):format(move.people.name,
        facts.reason and ": " .. facts.reason or "")
    elseif math.type(facts.twice) == "integer" and facts.twice > 0 then
      return ("%s in more than one pool"):format(text.count(facts.twice,
        ("entry of %s is"):format(move.people.name),
        ("entries of %s are"):format(move.people.name)))
    end
  end
  return target_reason(move, observe)
end

-- How many of a kind have been moved, as far as the counts of then and now tell.
local function moved_since(move, facts, was)
  if math.type(facts[move.to]) ~= "integer" or math.type(was[move.to]) ~= "integer" then
    return schema.unknown_fact("homes", "total")
  end
  return math.max(0, was[move.to] - facts[move.to])
end

-- The counts of all who are concerned, once those that were moved are back.
local function likely_back(move, who, then_)
  local likely = {}
  for _, each_who in ipairs(nouns[who] and { "users", "pilot" } or { who }) do
    local id = directories.id(move.people, "homes", each_who)
    if then_[id] then
      local facts = effects.observe(id)
      likely[id] = passed(move, facts, moved_since(move, facts, then_[id]))
    end
  end
  return likely
end

-- Each kind goes back by what the journal says of it, the last first; who was not moved by this
-- action stays where they are. Whoever went back to a pool that is retired by now would be lost;
-- one whose services do not run can still be mended.
local function undo(a, _, _, then_)
  local move, back = read(a), {}
  move.from, move.to, move.run = move.to, move.from, nil
  for index = #move.homes.kinds, 1, -1 do
    local who = move.homes.kinds[index]
    local order = order_of(a, move, who, {})
    order.moved_by, order.words = {}, order.words .. " whom this step has moved"
    local change = platform.driver_of(move.people).move(move.people, who, order)
    local id = directories.id(move.people, "homes", who)
    change.resource, change.repeatable = id, true
    change.bound = then_[id] and expected(moved_since(move, effects.observe(id), then_[id]))
    change.likely = function()
      return likely_back(move, who, then_)
    end
    change.why_not = function()
      return no_home_reason(move, effects.observe)
    end
    back[#back + 1] = change
  end
  return back
end

local function remembers(a, _, observe)
  local counts = {}
  for _, id in ipairs(directories.ids(handles.of(a.of))) do
    counts[id] = observe(id)
  end
  return counts
end

-- Whoever came or went meanwhile did so by somebody else's hand; that nobody was lost on the way is
-- for people to see.
local function difference(before, after)
  if math.type(before.total) ~= "integer" or math.type(after.total) ~= "integer"
    or before.total == after.total then
    return nil
  end
  local by = math.abs(after.total - before.total)
  return ("%s: %s before and %s after: %s %s meanwhile"):format(after.title,
    text.thousands(before.total), text.thousands(after.total), text.thousands(by),
    after.total > before.total and "more" or "fewer")
end

-- A run that has moved nobody of this kind, or whose moves were all taken back before, looks like
-- one that was named by mistake.
local function unmoved(move, before, after)
  if move.run and math.type(after[move.to]) == "integer" and before[move.to] == after[move.to] then
    return ("%s: nobody was moved back; run %s has moved nobody of them, or all of them are back")
      :format(after.title, move.run)
  end
end

local function tells(a, _, observe, remembered)
  local notes = {}
  for _, who in ipairs(handles.of(a.of).kinds) do
    local id = directories.id(handles.of(a.of).directory, "homes", who)
    local after = list.copy(observe(id))
    after.title = ("%s of %s"):format(who:gsub("_", " "), handles.of(a.of).directory.name)
    local words = remembered and (difference(remembered[id], after)
      or unmoved(read(a), remembered[id], after))
    notes[#notes + 1] = words and { kind = "warning", text = words } or nil
  end
  return notes
end

-- What the operator has to know before anybody is moved back.
local function caveats(a, observe)
  local people = read(a).people
  return nouns[handles.of(a.of).who] and findings.caveats(people.name,
    people.caveats and observe(directories.id(people, "caveats"))) or {}
end

-- Moves everybody, one by one, in batches and over several connections at once. Whoever cannot be
-- moved is recorded with the reason and tried again when the run is resumed, never by force.
-- Source: Lync Server 2013, Move remaining users (Move-CsLegacyUser, Move-CsUser).
local each = primitive.shipped {
  name = "each",
  doc = "Moves everybody of a kind to the other pool of their directory, one by one. The options, "
    .. "which may be empty: batch (500) are recorded together, parallel (8) moved at once, nobody "
    .. "more is begun after stop_after_failures (5), and rate is the most in a second.",
  args = {
    { "of", "homes", doc = "people.users, people.pilot, people.applications or one kind of these" },
    { "options", "map",
      doc = '{ batch = 500, parallel = 8, stop_after_failures = 5, rate = "50/s" }' },
    { "what", "move", doc = "move_to(people.new), or move_back(people.legacy, RUN) for those whom "
      .. "that run has moved" },
  },
  usage = "each(people.users, { batch = 500 }, move_to(people.new))",
  check = check,
  resource = function(a)
    return handles.of(a.of).id
  end,
  wants = wants,
  requires = requires,
  changes = changes,
  undo = undo,
  remembers = remembers,
  tells = tells,
  caveats = caveats,
}

return { { name = "each", value = each } }
