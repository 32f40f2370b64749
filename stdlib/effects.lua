-- The effects: the only way anything here touches the world. Each yields a map to the host and
-- gives back its answer.

local _, host = ...
local match = require "bascule/core/match"
local schema = require "bascule/facts/schema"

local M = {}

-- An action of the item under way begins: whoever goes on with the item later does so from here.
function M.begin(index)
  return host.yield { op = "begin", action = index }
end

-- The facts of a resource as they are now.
function M.observe(resource, alone)
  return host.yield { op = "observe", resource = resource, alone = alone == true or nil }
end

-- Carries out one change; see action.lua for its keys. Gives the host's answer.
function M.change(change)
  return host.yield {
    op = "change",
    resource = change.resource,
    statement = change.statement,
    row = change.row,
    args = change.args,
    bound = change.bound,
    settles = change.settles,
    becomes = change.becomes,
    timeout_ms = change.timeout_ms,
    volatile = change.volatile,
    assumed = change.assumed,
    once = change.once,
    undo = change.undo,
    returns = change.returns,
    harmless = change.harmless,
  }
end

function M.sleep(ms, why)
  return host.yield { op = "sleep", ms = ms, why = why }
end

-- Milliseconds of the world's wall clock.
function M.now()
  return host.yield { op = "now" }
end

-- Asks the operator. Gives {answer = "yes"|"no", by}. `stands` are lines, if any, that must be as
-- in the plan for an answer given beforehand to hold. Where the run can be parked until somebody
-- answers (`parks`), the answer may be "later".
function M.ask(title, lines, stands, parks)
  return host.yield { op = "ask", title = title, lines = host.list(lines),
    stands = stands and host.list(stands), parks = parks or nil }
end

-- A statement that may park the run is come to: when it was first, and what is left since then of
-- the time that it waits. Gives {since, until, remaining_ms}; the times are texts. The model of a
-- site lets the time pass at once, unless it is `waived`.
function M.reached(title, after_ms, waived)
  return host.yield { op = "reached", title = title, after_ms = after_ms, waived = waived }
end

-- Says something to the operator and the journal; kind is "info", "warning" or "loss".
function M.note(kind, text, data)
  return host.yield { op = "note", kind = kind, text = text, data = data }
end

-- Whether a fact that cannot be known beforehand is as wanted. Only the model of a site has such
-- facts: a plan takes it to be as is `likely`, a rehearsal goes both ways.
function M.undecided(fact, wanted, likely)
  return host.yield { op = "undecided", fact = fact, wanted = wanted, likely = likely }
end

match.undecided = M.undecided

local function call(row, args, shared)
  local answer = host.yield { op = "call", row = row, args = args, shared = shared }
  if answer.ok then
    return answer.value
  end
  return nil, answer.error
end

-- Reads through a row of the host; only while a resource is being observed. Gives the value, or
-- nil and the error {code, message}.
function M.call(row, args)
  return call(row, args)
end

-- As call; but where several resources are observed together, it is done once for all who ask for
-- the same. Facts of several of them that are of one server have to be of one moment, or a standby
-- that replays meanwhile seems to have come farther than it has.
function M.call_once(row, args)
  return call(row, args, true)
end

-- Facts that keep the schema; anything else is a defect of a platform and ends the observation.
function M.checked(resource, facts)
  local valid, wrong = schema.validate(resource, facts)
  if not valid then
    error(wrong, 0)
  end
  return valid
end

return M
