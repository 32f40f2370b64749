-- The loaded runbook as plain data: what `check` lists, the plan digests and the operator reads.

local _, host = ...
local book = require "bascule/language/book"
local check = require "bascule/language/check"
local cond = require "bascule/core/cond"
local list = require "bascule/core/list"
local primitive = require "bascule/primitive"

local M = {}

local function undo_word(action, item, point)
  if point and item.index >= point.index then
    return "not needed"
  end
  local word = primitive.undo_word(action)
  if word == "none" and item.undo_actions and #item.undo_actions > 0 then
    return "declared"
  elseif word == "none" and item.harmless then
    return "not needed"
  end
  return word
end

local function action_entry(action, item, point)
  return {
    primitive = action.primitive.name,
    resource = action.resource,
    line = action.place.line,
    undo = undo_word(action, item, point),
    harmless = item.harmless or action.primitive.harmless,
    label = primitive.label(action),
  }
end

local function item_entry(item, point)
  return {
    index = item.index,
    kind = item.kind,
    title = item.title,
    line = item.place.line,
    phase = item.phase,
    optional = item.optional or false,
    point_of_no_return = item.point_of_no_return or false,
    harmless = item.harmless,
    timeout_ms = item.timeout_ms,
    after = item.after_ms and item.after,
    after_ms = item.after_ms,
    parks = item.parks,
    override = item.kind == "gate" and item.override or nil,
    because = item.because,
    on_failure = item.on_failure,
    actions = host.list(list.map(item.actions or {}, function(action)
      return action_entry(primitive.action(action), item, point)
    end)),
    conditions = item.conditions and host.list(list.map(item.conditions, cond.words)),
  }
end

function M.items()
  local point = check.point_of_no_return()
  return host.list(list.map(book.items, function(item)
    return item_entry(item, point)
  end))
end

-- Name, summary, parameters and items.
function M.runbook()
  local params = {}
  for name, each in pairs(book.param_list) do
    params[name] = each
  end
  for name in pairs(book.overrides) do
    params[name] = { type = "override", value = book.set[name] }
  end
  return {
    name = book.about and book.about.name,
    summary = book.about and book.about.summary,
    params = params,
    items = M.items(),
  }
end

return M
