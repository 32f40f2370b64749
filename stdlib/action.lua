-- The one way an action is carried out, whatever the primitive and whatever the world:
--
--   observe → already true? (kept) → may it be done? (refused) → its changes, one by one →
--   are the wanted facts true now? (changed, else diverged)
--
-- Nothing here knows whether the world is the site itself or its model.

local _, host = ...
local effects = require "bascule/effects"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local primitive = require "bascule/primitive"
local schema = require "bascule/facts/schema"
local text = require "bascule/core/text"

local M = {}

-- The facts of a resource given as a handle or an id. What is learned of a server holds for the
-- looks that follow at once, unless this one is to be `alone`.
local function observe(resource, alone)
  local id = handles.resource(resource)
  if not id then
    error("observe takes a handle, or the id of a resource such as \"pool:chat\"", 0)
  end
  return effects.observe(id, alone)
end

M.observe = observe

-- Facts of one resource, or of several keyed by handle or id, as {id = {key = value}}.
local function by_resource(facts, own)
  local result = {}
  for key, value in next, facts do
    local id = handles.resource(key)
    if id then
      result[id] = value
    else
      result[own] = result[own] or {}
      result[own][key] = value
    end
  end
  return result
end

-- Whether the wanted facts hold. `known` gives facts that need not be observed again; for `likely`
-- see match.matches. Returns true, or false and the first difference.
local function holds(wanted, known, likely)
  for _, resource in ipairs(list.keys(wanted)) do
    local facts = known[resource] or observe(resource)
    for _, key in ipairs(list.keys(wanted[resource])) do
      local want = wanted[resource][key]
      if want == host.null then
        want = nil -- that there is no such fact
      end
      if not match.matches(want, facts[key], likely) then
        return false, ("%s of %s is %s, wanted %s"):format(key, resource, text.value(facts[key]),
          match.words(want))
      end
    end
  end
  return true
end

-- Adds facts to those that are foretold. Where only a bound is given, which value it will be is
-- seen only afterwards.
local function merged(becomes, more)
  for resource, facts in next, more or {} do
    becomes[resource] = becomes[resource] or {}
    for key, value in next, facts do
      becomes[resource][key] = match.foretold(value)
    end
  end
  return becomes
end

-- What the wanted facts are when they have become true.
local function foretold(wanted)
  return merged({}, wanted)
end

-- What a primitive gives as a change, or as a list of them.
local function expect_table(value)
  if value ~= nil and type(value) ~= "table" then
    error(("changes are actions in a list, not a %s"):format(type(value)), 0)
  end
  return value
end

-- Gives the changes one at a time and whether the one given is known to be the last.
local function stepper(changes)
  if type(changes) == "function" then
    return changes
  end
  expect_table(changes)
  if primitive.action(changes) or (type(changes) == "table" and changes.statement) then
    changes = { changes }
  end
  local index = 0
  return function()
    index = index + 1
    return changes and expect_table(changes[index]), changes and changes[index + 1] == nil
  end
end

-- Only a definite failure is tried again: after a timeout nobody knows what has happened.
local function is_retryable(answer)
  local code = answer.error and answer.error.code
  return answer.outcome == "failed"
    and list.contains({ "unreachable", "timeout", "conflict", "io" }, code)
end

-- Performs one change, unless something speaks against it by now.
local function attempt(change, why_not)
  local reason = why_not and why_not()
  return reason and { outcome = "refused", reason = reason } or effects.change(change)
end

-- Performs one change, again if the step says so and it may help.
local function change_with_retry(change, options, why_not)
  local retry = options.retry
  local answer = attempt(change, why_not)
  for number = 2, retry and retry.times or 1 do
    if not is_retryable(answer) then
      break
    end
    effects.note("info", ("attempt %d of %d in %s: %s"):format(number, retry.times,
      text.duration(retry.every_ms), answer.reason or "the change failed"))
    effects.sleep(retry.every_ms, "before trying again")
    answer = attempt(change, why_not)
  end
  return answer
end

-- A change as the host takes it. `becomes` is what is taken to be true afterwards; where nobody
-- says what that is, the change is assumed to work, unless it may be made again at any time.
local function prepared(change, own, becomes, options)
  local resource = handles.resource(change.resource) or own
  local foreseen = merged(foretold(by_resource(change.becomes or {}, resource)), becomes)
  foreseen = merged(foreseen, by_resource(change.likely and change.likely() or {}, resource))
  return {
    resource = resource,
    statement = change.statement,
    row = change.row,
    args = change.args,
    becomes = foreseen,
    timeout_ms = change.timeout_ms or options.timeout_ms,
    volatile = change.volatile,
    bound = change.bound,
    settles = change.settles,
    assumed = next(foreseen) == nil and not change.repeatable or nil,
  }
end

-- The state of one action being carried out.
local function begin(action, options, outer, foreseen)
  local run = {
    action = action,
    options = options,
    recovered_later = outer and outer.recovered_later or action.recovered_later or {},
    foreseen = foreseen, -- facts that an outer action takes to be true after this one
    changed = false,
    known = {}, -- facts seen since the last change, by resource
  }
  run.whole = outer and outer.whole or run -- the action of the step that this is a part of
  return run
end

local function stop(run, outcome, reason)
  return { outcome = outcome, reason = reason, changed_something = run.changed,
    is_moot = run.is_moot }
end

-- Facts of any resource: what is decided together is decided by one look at each. Whatever is asked
-- later, between the changes, is asked anew.
local function looking(run)
  return function(resource, alone)
    local id = handles.resource(resource)
    local facts = id and not run.is_decided and run.known[id] or observe(resource, alone)
    if id then
      run.known[id] = facts
    end
    return facts
  end
end

-- Facts that can be put back: as they are now, of everything that is about to become another.
local function facts_now(becomes, see)
  local now = {}
  for _, resource in ipairs(list.keys(becomes)) do
    local facts = see(resource)
    for key in next, becomes[resource] do
      if facts[key] ~= nil and not match.is_unknown(facts[key]) then
        now[resource] = now[resource] or {}
        now[resource][key] = facts[key]
      end
    end
  end
  return now
end

-- How an action is taken back, or what it leaves half done is put right; nil for neither.
local function way_back(action)
  local spec = action.primitive
  local undo = spec.undoes and spec.undoes(action.a) or spec.undo
  if undo then
    return undo, false
  end
  return spec.mends and spec.mends(action.a), true
end

-- What a rollback needs to take the whole action back. It goes with the action's first change, so
-- that it is recorded before anything is done; `becomes` is what that change makes true.
local function undo_with(run, change, becomes)
  local whole, options = run.whole, run.options
  local spec = whole.action.primitive
  if whole.is_begun or options.goes_back then
    return nil
  end
  whole.is_begun = true
  if options.undo_actions and #options.undo_actions > 0 then
    return { declared = true }
  elseif spec.irreversible and not change.returns then
    return nil
  end
  local give, mends = way_back(whole.action)
  if not give then
    return nil
  elseif mends then
    return { before = whole.before, wanted = {}, mends = true }
  end
  local own, wanted = whole.action.resource, foretold(whole.wanted or {})
  return { before = whole.before, wanted = wanted[own] or {},
    now = facts_now(merged(wanted, becomes), function(resource)
      return resource == own and whole.before or run.known[resource] or observe(resource)
    end) }
end

-- One change, or an action of another primitive in its place. Returns nil to go on, else the end.
local function take(run, change, is_last, becomes)
  local own = run.action.resource
  local nested = primitive.action(change)
  if nested then
    local ended = M.perform(change, run.options, run, is_last and becomes or nil)
    run.changed = run.changed or ended.outcome == "changed"
    run.known = {}
    if ended.outcome ~= "changed" and ended.outcome ~= "kept" and not ended.is_moot then
      return stop(run, ended.outcome, ended.reason)
    end
    return nil
  end
  local more = merged({}, is_last and run.foreseen or nil)
  if is_last and not change.becomes then
    more = merged(more, becomes)
  end
  local full = prepared(change, own, more, run.options)
  full.once = not change.repeatable and (full.assumed or not run.foretells) or nil
  full.undo = undo_with(run, change, full.becomes)
  full.returns = change.returns
  full.harmless = run.whole.action.primitive.harmless and true or nil
  local answer = change_with_retry(full, run.options, change.why_not)
  if answer.outcome ~= "changed" then
    return stop(run, answer.outcome, answer.reason or answer.error and answer.error.message
      or "the change did not succeed")
  end
  run.changed = true
  run.last_result = answer.result
  run.known = answer.others or {}
  run.known[full.resource] = answer.facts
end

-- All changes in order. Returns nil, or the end of an action that could not be completed.
local function take_all(run, changes, wanted)
  local next_change = stepper(changes)
  local becomes = wanted and foretold(wanted)
  run.foretells = wanted ~= nil or run.foreseen ~= nil and not run.options.is_part
  while true do
    local change, is_last = next_change(run.known[run.action.resource], run.last_result)
    if not change then
      return nil
    end
    local ended = take(run, change, is_last, becomes)
    if ended then
      return ended
    end
  end
end

local function tell(run, before, ended)
  local action, tells = run.action, run.action.primitive.tells
  if not tells or (ended.outcome ~= "changed" and ended.outcome ~= "kept") then
    return
  end
  for _, note in ipairs(tells(action.a, before, observe, run.remembered) or {}) do
    effects.note(note.kind, note.text, note.data)
  end
end

-- Facts that an undo or a report may need later. Lists that move by themselves are left behind:
-- they are long, and holding on to the chain of a large backlog while it is worked off would double
-- the memory of the whole run.
local function light(resource, facts)
  local copy = {}
  for key, value in next, facts do
    if type(value) ~= "table" or schema.is_steady(resource, key) then
      copy[key] = value
    end
  end
  return copy
end

local function refusal(spec, a, facts, see)
  local reason = spec.requires and spec.requires(a, facts, see)
  return type(reason) == "string" and reason or nil
end

-- Observes, and decides whether anything has to be done. Returns the end, or nil with what
-- `carry_out` needs.
local function look(run, facts)
  local action, spec, see = run.action, run.action.primitive, looking(run)
  local outcome, why
  if spec.moot then
    outcome, why = spec.moot(action.a, facts, see, run.recovered_later[action.resource])
  end
  if outcome then
    run.is_moot = true
    return stop(run, outcome, why)
  end
  local given = spec.wants and spec.wants(action.a, facts, see)
  local wanted = given and by_resource(given, action.resource)
  -- A change that may turn out to be needed is planned: one that is not can be left out.
  if wanted and holds(wanted, run.known, false) then
    return stop(run, "kept")
  end
  local reason = refusal(spec, action.a, facts, see)
  if reason then
    return stop(run, "refused", reason)
  end
  run.remembered = spec.remembers and spec.remembers(action.a, facts, see)
  run.wanted = wanted
  return nil, wanted, spec.changes(action.a, facts, see)
end

local function carry_out(run)
  local action = run.action
  local facts = looking(run)(action.resource)
  run.before = light(action.resource, facts)
  local ended, wanted, changes = look(run, facts)
  run.is_decided = true
  facts = nil -- luacheck: ignore 311 (a long chain can be collected from here on)
  ended = ended or take_all(run, changes, wanted)
  changes = nil -- luacheck: ignore 311
  if not ended then
    local true_now, difference = holds(wanted or {}, run.known)
    ended = true_now and stop(run, run.changed and "changed" or "kept")
      or stop(run, "diverged", "after the change " .. difference)
  end
  tell(run, run.before, ended)
  return ended
end

-- Carries out one action. `options` are {timeout_ms, retry = {times, every_ms}} of its step;
-- `outer` is the state of the action that it is a part of, and `foreseen` what that one says of it.
-- Returns {outcome, reason, changed_something, is_moot}.
function M.perform(action, options, outer, foreseen)
  local inner = primitive.action(action)
  local run = begin(inner, options, outer, foreseen)
  if inner.primitive.performs then
    local outcome, reason = inner.primitive.performs(inner.a, effects, observe)
    return stop(run, outcome, reason)
  end
  return carry_out(run)
end

-- Whether facts are known to be so: what is seen only afterwards is not.
local function is_so(facts, known)
  for _, keys in next, facts do
    for _, value in next, keys do
      if match.is_unknown(value) then
        return false
      end
    end
  end
  return next(facts) ~= nil and holds(facts, known or {}, false)
end

-- Whether a part of an undo, a change or an action, says what it makes true.
local function says(part, own)
  local inner = primitive.action(part)
  if not inner then
    return part.becomes ~= nil or part.likely ~= nil
  end
  local wants = inner.primitive.wants
  return wants and wants(inner.a, observe(inner.resource or own), observe) ~= nil
end

-- One change of an undo, unless what it says that it makes true is so already.
local function put_back(change, own, becomes, options)
  local full = prepared(change, own, becomes, options)
  local promised = by_resource(change.becomes or {}, full.resource)
  local facts = observe(full.resource)
  if is_so(foretold(promised), { [full.resource] = facts }) then
    return { outcome = "kept" }
  elseif facts.state == "unreachable" then
    return { outcome = "refused", reason = full.resource .. " is unreachable" }
  end
  local is_unsaid = options.is_part and not change.becomes and not change.repeatable
  full.once = full.assumed or is_unsaid or nil
  local answer = change_with_retry(full, options, change.why_not)
  if answer.outcome ~= "changed" then
    return { outcome = answer.outcome,
      reason = answer.reason or answer.error and answer.error.message }
  end
  local true_now, difference = holds(promised, { [full.resource] = answer.facts })
  return { outcome = true_now and "changed" or "diverged",
    reason = not true_now and "after the change " .. difference or nil }
end

-- The parts of an undo, and the facts that they put back without saying so; or nil and why there is
-- nothing to put back.
local function parts_of(action, undo)
  local give, parts = way_back(action), {}
  local given = give and give(action.a, undo.before, undo.wanted, undo.now or {}, observe) or {}
  if type(given) == "string" then
    return nil, given
  end
  for part in stepper(given) do
    parts[#parts + 1] = part
  end
  for _, part in ipairs(parts) do
    if says(part, action.resource) then
      return parts, {}
    end
  end
  return parts, undo.now or {}
end

-- Takes back an action by its own undo, which `undo_with` has made ready. Where the undo does not
-- say what it makes true, it puts back the facts that were there; of several parts, the first may
-- do so and leave the others to be done, which `options.is_begun` tells. `begin_part(index)` is
-- called before each part of it.
function M.take_back(action, undo, options, begin_part)
  local inner = primitive.action(action)
  local parts, facts = parts_of(inner, undo)
  local outcome = options.is_begun and "changed" or "kept"
  if not parts then
    return { outcome = "skipped", reason = facts }
  end
  options.is_part = #parts > 1
  if is_so(facts) and not (options.is_begun and options.is_part) then
    return { outcome = outcome }
  end
  for index, part in ipairs(parts) do
    begin_part(index)
    -- What is so already would pass for the effect of a part that nobody knows anything of.
    local is_over = options.is_part and is_so(facts)
    local becomes = index == #parts and next(facts) and not is_over and facts or nil
    local ended = primitive.action(part) and M.perform(part, options, nil, becomes)
      or put_back(part, inner.resource, becomes, options)
    outcome = ended.outcome == "changed" and "changed" or outcome
    if ended.outcome ~= "changed" and ended.outcome ~= "kept" and not ended.is_moot then
      return ended
    end
  end
  return { outcome = outcome }
end

return M
