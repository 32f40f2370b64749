-- What is known of a user directory, in lines for people: who is where, who can talk to whom, and
-- what a way back costs.

local list = require "bascule/core/list"
local platform = require "bascule/platforms/directory"
local text = require "bascule/core/text"

local M = {}

-- How many of those who are affected by something are named on a screen.
local names_told = 10

local function because(facts)
  return facts.reason and ": " .. facts.reason or ""
end

local function number(value)
  return math.type(value) == "integer" and text.thousands(value) or "not known how many"
end

local function homes_words(who, facts)
  local name = who:gsub("_", " ")
  if facts.state ~= "online" then
    return ("%s cannot be read%s"):format(name, because(facts))
  end
  local words = ("%s: %s legacy, %s new"):format(name, number(facts.legacy), number(facts.new))
  return facts.elsewhere ~= 0 and ("%s, %s elsewhere"):format(words, number(facts.elsewhere))
    or words
end

-- The counts of everybody, a text for each kind, and as data for the journal.
function M.counted(people, observe)
  local lines, data = {}, {}
  for _, who in ipairs(platform.populations(people)) do
    local facts = observe(("homes:%s.%s"):format(people.name, who))
    lines[#lines + 1] = homes_words(who, facts)
    data[who] = { legacy = facts.legacy, new = facts.new, elsewhere = facts.elsewhere,
      total = facts.total }
  end
  return lines, data
end

local costs = {
  { key = "meetings", noun = "organiser", whose = "new meetings", what = "stop working" },
  { key = "clients", noun = "user", whose = "clients", what = "have to be downgraded" },
}

-- What a way back costs: a line for each caveat, and who is affected. `facts` are nil where the
-- site file does not say how that is found out.
function M.caveats(name, facts)
  if facts and facts.state ~= "known" then
    return { ("what a way back of %s costs cannot be read%s"):format(name, because(facts)) }
  end
  local lines = list.map(costs, function(cost)
    local count = facts and facts[cost.key]
    local whom = count and text.count(count, cost.noun)
      or ("some %ss, whom the site file does not tell how to find,"):format(cost.noun)
    return ("%s: %s of %s %s on a way back"):format(name, cost.whose, whom, cost.what)
  end)
  for _, line in ipairs(facts and facts.affected or {}) do
    lines[#lines + 1] = "  " .. line
  end
  return lines
end

-- Those lines for a screen: of whom they name only the first, and how many more there are.
function M.shortened(lines)
  local short, named = {}, 0
  for _, line in ipairs(lines) do
    named = named + (line:find "^ " and 1 or 0)
    if named <= names_told or not line:find "^ " then
      short[#short + 1] = line
    end
  end
  if named > names_told then
    local more = text.count(text.thousands(named - names_told), "more line")
    short[#short + 1] = ("  and %s like these"):format(more)
  end
  return short
end

local function talk_lines(people, facts)
  if type(facts.matrix) ~= "table" or not list.is_list(facts.matrix) or #facts.matrix == 0 then
    return { ("%s: nothing is known of who can talk to whom%s"):format(people.name,
      because(facts)) }
  end
  return list.map(facts.matrix, function(line)
    return ("%s: %s"):format(people.name, line)
  end)
end

-- Which services of a pool do not run, as a reason against needing it now; nil where all do.
function M.idle_services(people, side, observe)
  local facts = people.services and observe(("services:%s.%s"):format(people.name, side))
  if facts and facts.state ~= "running" then
    return ("services of %s do not run: %s"):format(people[side],
      facts.reason or table.concat(facts.not_running or {}, ", "))
  end
end

-- All that is known of a directory, for whoever has to decide. Who is affected by a way back is
-- told when one begins.
function M.lines(name, observe)
  local people = platform.named(name)
  local lines = list.map(M.counted(people, observe), function(line)
    return ("%s: %s"):format(name, line)
  end)
  local more = people.talk and talk_lines(people, observe("talk:" .. name)) or {}
  table.move(more, 1, #more, #lines + 1, lines)
  local caveats = M.caveats(name, people.caveats and observe("caveats:" .. name))
  table.move(caveats, 1, math.min(#caveats, #costs), #lines + 1, lines)
  return lines
end

return M
