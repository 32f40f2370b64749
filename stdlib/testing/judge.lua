-- Compares the account of one walk through a runbook with what its test expects.

local _, host = ...
local diff = require "bascule/testing/diff"
local file = require "bascule/testing/file"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local pattern = require "bascule/testing/pattern"
local text = require "bascule/core/text"

local M = {}

local function differs(found, about, lines)
  found[#found + 1] = { about = about, lines = host.list(lines) }
end

local function pair(expected, came)
  return { "- " .. diff.shown(expected, "reason"), "+ " .. diff.shown(came, "reason") }
end

-- Where and why the run stopped.
local function ending(account)
  if account.outcome == "done" then
    return "done"
  end
  return ("%s at %q%s"):format(account.outcome, account.item,
    account.reason ~= "" and ": " .. account.reason or "")
end

local function judge_end(found, expect, account)
  local outcome = expect.outcome or "done"
  if outcome ~= account.outcome then
    differs(found, "outcome", pair(outcome, ending(account)))
  end
  if expect.reason and not pattern.is_in(expect.reason, account.reason) then
    differs(found, "reason", pair(expect.reason, account.reason))
  end
  if expect.stops_at and (account.outcome == "done" or expect.stops_at ~= account.item) then
    differs(found, "stops_at", pair(expect.stops_at, ending(account)))
  end
end

local function judge_steps(found, expect, account)
  local lines = {}
  for _, step in ipairs(account.steps) do
    local wanted = (expect.steps or {})[step.title]
    if wanted and wanted ~= step.outcome then
      lines[#lines + 1] = ("- %s: %s"):format(step.title, wanted)
      lines[#lines + 1] = ("+ %s: %s%s"):format(step.title, step.outcome,
        step.reason ~= "" and ": " .. diff.shown(step.reason, "reason") or "")
    end
  end
  if #lines > 0 then
    differs(found, "steps", lines)
  end
end

local function are_all(expected, came)
  for index, each in ipairs(expected) do
    if not came[index] or not pattern.is_in(each, came[index]) then
      return false
    end
  end
  return #expected == #came
end

local function judge_all(found, expected, came)
  if expected and not are_all(expected, came) then
    differs(found, "statements", diff.of(expected, came, pattern.is_in))
  end
end

-- Every expected text, in order, with others between them.
local function judge_including(found, about, expected, came)
  local at = 1
  for _, each in ipairs(expected or {}) do
    while came[at] and not pattern.is_in(each, came[at]) do
      at = at + 1
    end
    if not came[at] then
      differs(found, about, diff.of(expected, came, pattern.is_in))
      return
    end
    at = at + 1
  end
end

local function judge_without(found, expected, came)
  for _, each in ipairs(expected or {}) do
    for _, statement in ipairs(came) do
      if pattern.is_in(each, statement) then
        differs(found, "without", { "- not " .. each, "+ " .. diff.shown(statement) })
        break
      end
    end
  end
end

local function judge_statements(found, expect, account)
  local came = account.statements
  judge_all(found, expect.statements, came)
  judge_including(found, "including", expect.including, came)
  judge_without(found, expect.without, came)
  if expect.changes and expect.changes ~= #came then
    local lines = diff.of({}, came, pattern.is_in)
    table.insert(lines, 1, "- " .. text.count(expect.changes, "change"))
    table.insert(lines, 2, "+ " .. text.count(#came, "change"))
    differs(found, "changes", lines)
  end
end

local function is_known(value)
  return value ~= nil and value ~= host.null
end

local function is_as_wanted(wanted, value)
  if match.is_unknown(value) or not is_known(value) then
    return false
  elseif type(wanted) == "string" and type(value) == "string" then
    return pattern.is_whole(wanted, value)
  end
  return match.matches(wanted, value)
end

local function words_of(value)
  if not is_known(value) then
    return "nothing is known of it"
  elseif match.is_unknown(value) then
    return text.value(value) .. ", known only when it is done"
  end
  return text.value(value)
end

local function judge_facts(found, expect, account)
  for _, id in ipairs(list.keys(expect.facts or {})) do
    local came, lines = account.facts[id] or {}, {}
    for _, key in ipairs(list.keys(expect.facts[id])) do
      local wanted = expect.facts[id][key]
      if not is_as_wanted(wanted, came[key]) then
        lines[#lines + 1] = "- " .. diff.shown(key .. ": " .. match.words(wanted))
        lines[#lines + 1] = "+ " .. diff.shown(key .. ": " .. words_of(came[key]))
      end
    end
    if #lines > 0 then
      differs(found, "facts of " .. id, lines)
    end
  end
end

-- What a runbook breaks is a failure, whatever else a test is about, unless it says so.
local function judge_violations(found, expect, account)
  local expected, came = expect.violates or {}, {}
  for index, each in ipairs(account.violations) do
    came[index] = ("%s: in %q, %s"):format(each.title, each.step, each.text)
  end
  local lines = diff.of(expected, came, pattern.is_in)
  for _, each in ipairs(lines) do
    if each:find("^[-+]") then
      differs(found, "violates", lines)
      return
    end
  end
end

local function judge_faults(found, expect, account)
  if account.missed then
    differs(found, "fault", { "- it happens", "+ " .. account.missed })
  end
  if expect.resumed and expect.resumed ~= account.resumed then
    differs(found, "resumed", pair(text.count(expect.resumed, "time"),
      text.count(account.resumed, "time")))
  end
end

-- {index, account} → {{about, lines}}, empty when everything is as expected.
function M.differences(args)
  local found, expect, account = {}, file.list[args.index].expect, args.account
  judge_end(found, expect, account)
  judge_faults(found, expect, account)
  judge_steps(found, expect, account)
  judge_statements(found, expect, account)
  judge_facts(found, expect, account)
  judge_including(found, "says", expect.says, account.says)
  judge_violations(found, expect, account)
  return found
end

return M
