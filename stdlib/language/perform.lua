-- Performs one item of the loaded runbook: asks, changes and reports through effects.

local _, host = ...
local action = require "bascule/action"
local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local effects = require "bascule/effects"
local findings = require "bascule/findings"
local handles = require "bascule/language/handles"
local loss = require "bascule/loss"
local primitive = require "bascule/primitive"
local recovered = require "bascule/recovered"
local text = require "bascule/core/text"

local M = {}

local performers = {}

-- Facts looked up once for all conditions of one guard, or all that a gate shows.
local function remembering()
  local seen = {}
  return function(resource)
    local id = handles.resource(resource) or tostring(resource)
    seen[id] = seen[id] or action.observe(resource)
    return seen[id]
  end
end

local function guard_reason(item, reasons)
  local parts = { table.concat(reasons, "; ") }
  parts[#parts + 1] = item.because
  parts[#parts + 1] = item.hint
  return table.concat(parts, ". ")
end

function performers.guard(item)
  local observe, reasons, notes = remembering(), {}, {}
  for _, each in ipairs(item.conditions) do
    local ok, reason = cond.check(each, observe)
    local told = ok and notes or reasons
    told[#told + 1] = reason
  end
  if #reasons == 0 then
    return { outcome = "kept", reason = notes[1] and table.concat(notes, "; ") }
  end
  local waived = item.override and book.set[item.override]
  if waived then
    local reason = ("%s; waived by %s: %s"):format(table.concat(reasons, "; "), item.override,
      waived)
    effects.note("warning", reason)
    return { outcome = "skipped", reason = reason }
  end
  return { outcome = "refused", reason = guard_reason(item, reasons) }
end

-- What is known of a copy that is online already; nil of any other.
local function sources_online(item, observe)
  local facts = #item.shows > 0 and observe(item.recovers) or {}
  return recovered.is_online(facts) and loss.sources(handles.of(item.recovers), observe) or nil
end

-- Why nobody has to be asked: the copy is online, and nothing was left to lose then. If there was,
-- the question is put again, for nothing tells who brought it online and whether that was approved.
local function settled_before(item, seen)
  if seen and loss.is_excluded(seen) then
    return recovered.words(handles.of(item.recovers), seen.copy)
      .. ", the last that is known of: there is nothing left to approve"
  end
end

local function to_the_second(time)
  return text.time((time:gsub("%.%d+Z$", "Z")))
end

-- How a gate ends that is left without an answer for now.
local function parked(reached, waits_for, reason)
  return { outcome = "parked", reason = reason, parked = { since = reached.since,
    ["until"] = waits_for == "time" and reached["until"] or nil, waits_for = waits_for } }
end

-- Whether it is too early for a gate to be answered: the end of it. Only a named reason shortens
-- the time that it waits. A gate without such a time never is, whatever a clock says that was set
-- back.
local function too_early(item, reached)
  local waived = item.override and book.set[item.override]
  if not item.after_ms or reached.remaining_ms <= 0 then
    return nil
  elseif waived then
    effects.note("warning", ("%s: its %s are not waited for; waived by %s: %s"):format(item.title,
      item.after, item.override, waived))
    return nil
  end
  return parked(reached, "time", ("it waits until %s: %s after it was first reached, %s"):format(
    to_the_second(reached["until"]), item.after, to_the_second(reached.since)))
end

-- When a gate that may park the run was first reached; nil of any other.
local function reach(item)
  if item.after_ms or item.parks then
    return effects.reached(item.title, item.after_ms or 0,
      item.override and book.set[item.override] and true or nil)
  end
end

-- What a gate shows, and the lines of it that an answer given beforehand rests on.
local function gate_lines(item, seen, observe)
  local lines, stands = {}, nil
  lines[#lines + 1] = item.says
  for _, _ in ipairs(item.shows) do
    local shown, binding = loss.window(item.recovers, seen, observe)
    table.move(shown, 1, #shown, #lines + 1, lines)
    stands = table.move(shown, 1, binding, 1, {})
  end
  for _, each in ipairs(item.directories or {}) do
    local shown = findings.lines(handles.of(each).name, observe)
    table.move(shown, 1, #shown, #lines + 1, lines)
  end
  return lines, stands
end

-- How a gate ends once it was put.
local function answered(item, answer, reached)
  if answer.answer == "yes" then
    return { outcome = "kept", reason = answer.by and "approved by " .. answer.by or nil }
  elseif answer.answer == "later" and reached then
    return parked(reached, "answer", answer.reason or "nobody has answered yet")
  end
  return { outcome = "refused", reason = ("%s was not approved%s%s"):format(item.title,
    answer.by and " by " .. answer.by or "", answer.reason and ": " .. answer.reason or "") }
end

function performers.gate(item)
  local observe = remembering()
  local seen = sources_online(item, observe)
  local before = settled_before(item, seen)
  if before then
    return { outcome = "kept", reason = before }
  end
  local reached = reach(item)
  local early = reached and too_early(item, reached)
  if early then
    return early
  end
  local lines, stands = gate_lines(item, seen, observe)
  return answered(item, effects.ask(item.title, lines, stands, item.parks), reached)
end

-- An optional step that may not or could not do its work is passed over, and says so. What is not
-- known to be undone stays what it is.
local function softened(item, ended)
  local is_definite = ended.outcome == "refused" or ended.outcome == "failed"
  if not item.optional or not is_definite then
    return ended
  end
  if ended.outcome == "failed" then
    effects.note("warning", ("%s: %s"):format(item.title, ended.reason))
  end
  ended.outcome = "skipped"
  return ended
end

local goes_on = { kept = true, changed = true }

local function entry_of(each, ended)
  local inner = primitive.action(each)
  return {
    primitive = inner.primitive.name,
    resource = inner.resource,
    outcome = ended.outcome,
    reason = ended.reason,
  }
end

-- The outcome of the step: of the action it stopped at, else whether anything was changed, else
-- whether the time for any of it was over.
local function sum_up(item, entries, ended)
  local last, changed = ended.last, ended.changed
  local outcome, reason = last.outcome, last.reason
  if goes_on[outcome] or last.is_moot then
    local told = not changed and ended.skipped or last
    outcome, reason = changed and "changed" or told.outcome, told.reason
  elseif item.on_failure and outcome ~= "skipped" then
    reason = ("%s. What to do: %s"):format(reason or outcome, item.on_failure)
  end
  return { outcome = outcome, reason = reason, actions = host.list(entries) }
end

-- The actions of a step that is gone on with; those before `from` have been carried out.
local function earlier_entries(item, from)
  local entries = {}
  for index = 1, from - 1 do
    entries[index] = entry_of(item.actions[index], { outcome = "kept",
      reason = "carried out before the run was resumed" })
  end
  return entries
end

function performers.step(item, args)
  local from = args.from or 1
  local entries = earlier_entries(item, from)
  local ended = { changed = args.changed == true, last = { outcome = "kept" } }
  for index = from, #item.actions do
    local each = item.actions[index]
    effects.begin(index)
    local last = softened(item, action.perform(each, item))
    entries[index] = entry_of(each, last)
    ended.last = last
    ended.changed = ended.changed or last.outcome == "changed" or last.changed_something == true
    ended.skipped = last.outcome == "skipped" and last or ended.skipped
    if not goes_on[last.outcome] and not last.is_moot then
      break
    end
  end
  return sum_up(item, entries, ended)
end

-- The entry function `perform`; see host.lua.
function M.perform(args)
  local item = book.items[args.index]
  primitive.forget_passing()
  if not item then
    error(("the runbook has no item %s"):format(tostring(args.index)), 0)
  end
  local result = performers[item.kind](item, args)
  result.actions = result.actions or host.list({})
  return result
end

-- Takes back a whole item by the undo that it declares.
local function take_back_declared(item, options)
  local outcome = options.is_begun and "changed" or "kept"
  for index, each in ipairs(item.undo_actions) do
    effects.begin(index)
    local ended = action.perform(each, options)
    if not goes_on[ended.outcome] and not ended.is_moot then
      return ended
    end
    outcome = ended.outcome == "changed" and "changed" or outcome
  end
  return { outcome = outcome }
end

-- The entry function `take_back`; see host.lua.
function M.take_back(args)
  local item = book.items[args.index]
  primitive.forget_passing()
  local options = { timeout_ms = item.timeout_ms, retry = item.retry, goes_back = true,
    is_begun = args.begun }
  local ended = args.undo.declared and take_back_declared(item, options)
    or action.take_back(item.actions[args.action], args.undo, options, effects.begin)
  return { outcome = ended.outcome, reason = ended.reason, actions = host.list {} }
end

return M
