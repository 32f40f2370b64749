-- Whether a server that does not answer is fenced: whether it is proved that it serves nobody and
-- will not come back to by itself. That it cannot be reached from here proves nothing, since those
-- who write to it may be elsewhere. How it is proved only the site can say.

local effects = require "bascule/effects"
local inventory = require "bascule/language/inventory"
local text = require "bascule/core/text"

local M = {}

-- By exit status; nobody knows what any other one means.
local fenced = { [0] = true, [1] = false }

local function first_line(value)
  local line = (value.out .. "\n" .. value.err):match("%S[^\n]*")
  return line and text.shorten(text.trim(line), 200)
end

local function words(value)
  local line = first_line(value)
  if fenced[value.exit] ~= nil then
    return line
  end
  return ("the proof of its fence ended with exit status %d%s"):format(value.exit,
    line and ": " .. line or "")
end

local function add_reason(facts, more)
  facts.reason = facts.reason and more and facts.reason .. "; " .. more or facts.reason or more
end

-- Adds to the facts of a copy what the site's own proof says of its server.
function M.add(copy, facts)
  local fence = inventory.fence_of(copy.server)
  if not fence or facts.state ~= "unreachable" then
    return facts
  end
  local value, failure = effects.call("command.probe", { argv = fence.proof, host = fence.host,
    timeout_ms = fence.timeout })
  if not value then
    add_reason(facts, "its fence is not known: " .. failure.message)
  else
    facts.fenced = fenced[value.exit]
    add_reason(facts, words(value))
  end
  return facts
end

-- Why a copy that does not answer may still be one that is written to, or nil.
function M.doubt(copy, facts)
  local is_open = facts.state == "unreachable" and facts.fenced ~= true
  if not is_open or not inventory.fence_of(copy.server) then
    return nil
  end
  return ("%s does not answer, and %s%s"):format(copy.title, facts.fenced == false
      and "is not fenced" or "nothing proves that it is fenced",
    type(facts.reason) == "string" and ": " .. facts.reason or "")
end

return M
