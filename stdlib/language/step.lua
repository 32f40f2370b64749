-- The statements of a runbook: guard, step, gate, invariant, phase. Each registers itself in the
-- order in which it stands in the file; nothing is performed.

local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local errors = require "bascule/core/errors"
local handles = require "bascule/language/handles"
local line = require "bascule/language/line"
local list = require "bascule/core/list"
local loose = require "bascule/language/loose"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"
local primitive = require "bascule/primitive"
local text = require "bascule/core/text"

local M = {}

local keys = {
  guard = { "because", "hint", "override" },
  step = {
    "optional", "point_of_no_return", "harmless", "undo", "timeout", "retry", "on_failure",
    "caveats",
  },
  gate = { "shows", "says", "after", "parks", "override" },
  invariant = { "because", "mend" },
}

local key_types = {
  because = "string", hint = "string", override = "string", optional = "boolean",
  point_of_no_return = "boolean", harmless = "string", undo = "table", timeout = "string",
  retry = "table", on_failure = "string", shows = "table", says = "string", mend = "string",
  after = "string", parks = "boolean", caveats = "table",
}

local type_words = {
  string = "a text", boolean = "true or false", table = "a table in braces",
}

local items = {}

-- Braces are a table without a metatable: an action, a condition or a handle is something else.
local function has_type(value, wanted)
  return type(value) == wanted and (wanted ~= "table" or getmetatable(value) == nil)
end

local function read_key(item, key, value)
  local at = book.errors:find_key(item.place, key)
  if not list.contains(keys[item.kind], key) then
    book.mistake(("a %s has no %q"):format(item.kind, key), nearest.hint(key, keys[item.kind]), at)
  elseif not has_type(value, key_types[key]) then
    book.mistake(("%q of a %s must be %s"):format(key, item.kind, type_words[key_types[key]]), nil,
      at)
  else
    item[key] = value
  end
end

-- Takes the named part of a body. Wrong keys and types are reported and left out.
local function read_keys(item, body)
  for _, key in ipairs(list.keys(body)) do
    if type(key) == "string" and not poison.is(body[key]) then
      read_key(item, key, body[key])
    end
  end
end

-- The positional part of a body, also when a hole is in it.
local function parts_of(body)
  local indexes = {}
  for key in next, body do
    if math.type(key) == "integer" then
      indexes[#indexes + 1] = key
    end
  end
  table.sort(indexes)
  return list.map(indexes, function(index)
    loose.take(body[index])
    return body[index]
  end)
end

local function read_duration(item, key)
  local value = item[key]
  if value and not text.parse_duration(value) then
    book.mistake(("%q is not a duration"):format(value), 'write for example "30s" or "5m"',
      book.errors:find_key(item.place, key))
    return nil
  end
  return value and text.parse_duration(value)
end

local function read_retry(item)
  local retry = item.retry
  if not retry then
    return
  end
  local at = book.errors:find_key(item.place, "retry")
  item.retry = nil
  for _, key in ipairs(list.keys(retry)) do
    if key ~= "times" and key ~= "every" then
      book.mistake(("retry has no %q"):format(tostring(key)),
        nearest.hint(tostring(key), { "times", "every" }), at)
      return
    end
  end
  local every = retry.every == nil and 1000 or text.parse_duration(retry.every)
  if math.type(retry.times) ~= "integer" or retry.times < 1 or not every then
    book.mistake("retry needs a number of times and a pause",
      'write retry = { times = 3, every = "10s" }', at)
    return
  end
  item.retry = { times = retry.times, every_ms = every }
end

local function wrong_part(item, part)
  local inner = handles.of(part)
  if item.kind == "gate" and not primitive.action(part) and not items[part] then
    return "a gate checks nothing by itself", "put conditions into a guard before it; it asks what "
      .. 'says = "…" gives'
  elseif cond.is(part) and item.kind == "step" then
    return "a condition is not an action", "to check it in a step, write verify { … }"
  elseif primitive.is(part) then
    return ("%s needs its arguments"):format(tostring(part)),
      "write " .. primitive.describe(part).usage
  elseif primitive.action(part) then
    return ("a %s does not change anything"):format(item.kind), "put actions into a step"
  elseif items[part] then
    return ("a %s cannot stand in a %s"):format(items[part].kind, item.kind),
      "group statements with phase"
  elseif inner then
    return ("%s is not %s"):format(inner.title, item.kind == "step" and "an action"
      or "a condition"), item.kind == "step" and "say what shall be true of it, for example "
        .. "database.recover(db.secondary)" or 'say what is asked of it, for example :is "online"'
  end
  return ("%s is not %s"):format(text.shorten(text.quote(tostring(part)), 60),
    item.kind == "step" and "an action" or "a condition"), nil
end

-- The parts that have the right type; `accept(part)` says which those are.
local function read_parts(item, body, accept)
  return list.map(parts_of(body), function(part)
    if accept(part) then
      return part
    elseif not poison.is(part) then
      local message, hint = wrong_part(item, part)
      book.mistake(message, hint, item.place)
    end
    item.has_mistakes = true
    return nil
  end)
end

local function is_action(part)
  return primitive.action(part) ~= nil
end

local readers = {}

-- What taking the step back costs, in texts.
local function read_caveats(item)
  for _, key in ipairs(list.keys(item.caveats or {})) do
    if math.type(key) ~= "integer" or type(item.caveats[key]) ~= "string" then
      book.mistake("caveats are texts in a list",
        'write caveats = { "New meetings stop working." }',
        book.errors:find_key(item.place, "caveats"))
      item.caveats = nil
      return
    end
  end
end

function readers.guard(item, body)
  item.conditions = read_parts(item, body, cond.is)
  for _, each in ipairs(item.conditions) do
    book.touch(cond.resource(each))
  end
  if #item.conditions == 0 and not item.has_mistakes then
    book.mistake(("the %s %q demands nothing"):format(item.kind, item.title),
      'give it a condition, for example db.secondary:is "restoring"', item.place)
  end
  if item.override then
    book.overrides[item.override] = true
  end
end

readers.invariant = readers.guard

-- The actions of an undo; what stands in it under a name would never be carried out.
local function read_undo(item)
  for _, key in ipairs(list.keys(item.undo)) do
    if math.type(key) ~= "integer" then
      book.mistake(("the undo of a step has no %q"):format(tostring(key)),
        "put its actions into the braces without names", book.errors:find_key(item.place, key))
    end
  end
  return read_parts(item, item.undo, is_action)
end

function readers.step(item, body)
  item.actions = read_parts(item, body, is_action)
  for _, each in ipairs(item.actions) do
    book.touch(primitive.action(each).resource)
  end
  if #item.actions == 0 and not item.has_mistakes then
    book.mistake(("the step %q is empty"):format(item.title),
      "give it an action, or remove it", item.place)
  end
  item.timeout_ms = read_duration(item, "timeout")
  read_retry(item)
  read_caveats(item)
  item.undo_actions = item.undo and read_undo(item)
end

-- Nobody means a gate to wait for longer, and the clock must be able to count it.
local longest_wait_ms = 3660 * 24 * 60 * 60 * 1000

-- How long a gate waits, and what shortens that.
local function read_wait(item)
  item.after_ms = read_duration(item, "after")
  if item.after_ms and not (item.after_ms > 0 and item.after_ms <= longest_wait_ms) then
    book.mistake("a gate waits for more than nothing and at most for 3660d", nil,
      book.errors:find_key(item.place, "after"))
    item.after_ms = nil
  end
  if item.override and not item.after then
    book.mistake("nothing of this gate can be overridden: it has no \"after\"",
      "the override of a gate shortens the time that it waits; remove it, or add after",
      book.errors:find_key(item.place, "override"))
  elseif item.override then
    book.overrides[item.override] = true
  end
end

local function cannot_show(item, each)
  book.mistake(("a gate cannot show %q"):format(tostring(each)),
    nearest.hint(tostring(each), { "data_loss_window" }, 'it can show "data_loss_window", and what '
      .. "is known of a directory"), book.errors:find_key(item.place, "shows"))
end

-- What is lost is shown, or what is known of a directory.
function readers.gate(item, body)
  read_parts(item, body, poison.is)
  read_wait(item)
  local shows, directories = {}, {}
  for _, each in ipairs(item.shows or {}) do
    local inner = handles.of(each)
    if each == "data_loss_window" then
      shows[#shows + 1] = each
    elseif inner and inner.type == "directory" then
      directories[#directories + 1] = each
    elseif not poison.is(each) then
      cannot_show(item, each)
    end
  end
  item.shows, item.directories = shows, directories
end

local function register(kind, title, body, place)
  local item = { kind = kind, title = title, place = place }
  local token = setmetatable({}, { __metatable = false, __name = kind })
  items[token] = item
  if type(body) ~= "table" or getmetatable(body) ~= nil then
    book.mistake(("the %s %q needs braces"):format(kind, title), ("write %s %q { … }"):format(kind,
      title), place)
    return token
  end
  read_keys(item, body)
  readers[kind](item, body)
  local members = kind == "invariant" and book.invariants or book.items
  item.index = #members + 1
  members[item.index] = item
  return token
end

local function is_title(kind, title, place)
  if type(title) ~= "string" or title == "" then
    book.mistake(("a %s needs a title"):format(kind), ("write %s \"title\" { … }"):format(kind),
      place)
    return false
  end
  return line.check("the title of a " .. kind, title, place)
end

local function statement(kind)
  return function(title)
    local place = errors.here()
    if not is_title(kind, title, place) then
      return poison.new()
    end
    local pending = { place = place, message = ("the %s %q has no body"):format(kind, title),
      hint = ("write %s %q { … }"):format(kind, title) }
    book.unfinished = book.unfinished or pending
    return function(body)
      if book.unfinished == pending then
        book.unfinished = nil
      end
      return register(kind, title, body, place)
    end
  end
end

M.guard = statement "guard"
M.step = statement "step"
M.gate = statement "gate"
M.invariant = statement "invariant"

-- What stands in the braces of a phase.
local function read_phase(title, body, place)
  if poison.is(body) then
    return {}
  elseif not has_type(body, "table") then
    book.mistake(("the phase %q needs braces"):format(title),
      ("write phase %q { … }"):format(title), place)
    return {}
  end
  for _, key in ipairs(list.keys(body)) do
    if math.type(key) ~= "integer" then
      book.mistake(("a phase has no %q"):format(tostring(key)), "put guard, step and gate into it",
        book.errors:find_key(place, key))
    end
  end
  return parts_of(body)
end

-- Gives statements that stand in its braces a common heading. They have registered themselves by
-- the time it is called.
function M.phase(title)
  local place = errors.here()
  if not is_title("phase", title, place) then
    return poison.new()
  end
  return function(body)
    for _, part in ipairs(read_phase(title, body, place)) do
      local item = items[part]
      if item then
        item.phase = item.phase and title .. " / " .. item.phase or title
      elseif type(part) == "table" and rawget(part, 1) and not poison.is(part) then
        M.phase(title)(part)
      elseif not poison.is(part) then
        book.mistake(("the phase %q holds something that is not a statement"):format(title),
          "put guard, step and gate into a phase", place)
      end
    end
    return body
  end
end

return M
