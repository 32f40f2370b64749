-- The rules about a runbook as a whole, checked when all of it has been read.

local book = require "bascule/language/book"
local list = require "bascule/core/list"
local loose = require "bascule/language/loose"
local nearest = require "bascule/core/nearest"
local primitive = require "bascule/primitive"

local M = {}

local function steps()
  return list.map(book.items, function(item)
    return item.kind == "step" and item or nil
  end)
end

-- The step at which there is no way back, or nil.
function M.point_of_no_return()
  for _, item in ipairs(book.items) do
    if item.point_of_no_return then
      return item
    end
  end
end

local function check_declared()
  if not book.about then
    book.mistake("the file declares no runbook", 'begin it with runbook "name" { summary = "…" }',
      { file = book.path, line = 1 })
  end
  if book.unfinished then
    book.mistake(book.unfinished.message, book.unfinished.hint, book.unfinished.place)
  end
  if book.about and #book.items == 0 and #book.errors.list == 0 then
    book.mistake(("the runbook %q has no steps"):format(book.about.name),
      'add step "title" { … }', book.about.place)
  end
end

local function check_titles()
  local seen = {}
  for _, item in ipairs(book.items) do
    local first = seen[item.title]
    if first then
      book.mistake(("there are two statements %q"):format(item.title),
        ("the first is in line %d; every title must be its own"):format(first.place.line),
        item.place)
    else
      seen[item.title] = item
    end
  end
end

local function check_single_point()
  local first
  for _, item in ipairs(steps()) do
    if item.point_of_no_return and first then
      book.mistake("there are two points of no return",
        ("the first is the step %q in line %d"):format(first.title, first.place.line), item.place)
    elseif item.point_of_no_return then
      first = item
    end
  end
end

local function check_irreversible(item)
  for _, each in ipairs(item.actions) do
    local action = primitive.action(each)
    if action.primitive.irreversible and not item.point_of_no_return then
      book.mistake(("%s cannot be taken back, so its step is the point of no return"):format(
        action.primitive.name), "add point_of_no_return = true to the step", item.place)
    end
  end
end

local function check_undo(item)
  if item.harmless or (item.undo_actions and #item.undo_actions > 0) then
    return
  end
  for _, each in ipairs(item.actions) do
    local action = primitive.action(each)
    if primitive.undo_word(action) == "none" and not action.primitive.irreversible then
      book.mistake(("%s has no undo, and stands before the point of no return"):format(
        action.primitive.name), 'give it undo = { … }, or say why none is needed: '
          .. 'harmless = "…"', action.place)
    end
  end
end

local function check_reversible()
  local point = M.point_of_no_return()
  for _, item in ipairs(steps()) do
    check_irreversible(item)
    if point and item.index < point.index then
      check_undo(item)
    end
  end
end

-- The copy that the first recovery after a gate brings online.
local function recovered_after(index)
  for i = index + 1, #book.items do
    for _, each in ipairs(book.items[i].actions or {}) do
      local action = primitive.action(each)
      if action.primitive.name == "database.recover" then
        return action.a.copy
      end
    end
  end
end

-- Tells every action which copies are brought online later in the runbook: that is what it, and any
-- action that it turns out to consist of, prepares.
local function mark_preparing()
  local recovered = {}
  for index = #book.items, 1, -1 do
    local actions = book.items[index].actions or {}
    for each = #actions, 1, -1 do
      local action = primitive.action(actions[each])
      action.recovered_later = recovered
      if action.primitive.name == "database.recover" then
        recovered = list.copy(recovered)
        recovered[action.resource] = true
      end
    end
  end
end

local function check_gates()
  for index, item in ipairs(book.items) do
    if item.kind == "gate" then
      if index == #book.items then
        book.mistake(("nothing comes after the gate %q"):format(item.title),
          "put it before the step that it is about, or remove it", item.place)
      end
      item.recovers = recovered_after(index)
      if #item.shows > 0 and not item.recovers and index < #book.items then
        book.mistake("no step after this gate brings a database online, so there is no data loss "
          .. "window to show", "put it before the step with database.recover", item.place)
      end
    end
  end
end

local function set_mistake(name, message, hint)
  local place = book.about and book.about.place or { file = book.path, line = 1 }
  local entry = book.mistake(message, hint, place)
  entry.text = ("--set %s=%s"):format(name, tostring(book.set[name]))
end

local function check_set()
  local known = list.keys(book.params)
  for name in pairs(book.overrides) do
    known[#known + 1] = name
  end
  for _, name in ipairs(list.keys(book.set)) do
    if not list.contains(known, name) then
      set_mistake(name, ("the runbook has no parameter %q"):format(name),
        nearest.hint(name, known, "remove --set " .. name))
    elseif book.overrides[name] and not tostring(book.set[name]):find "%S" then
      set_mistake(name, ("%s gives no reason"):format(name),
        ('say why: --set %s="…"; it is recorded'):format(name))
    end
  end
end

-- Runs after the file was read to its end. A file that broke off gets only the rules that do not
-- depend on what stands behind the break.
function M.all(is_complete)
  if is_complete then
    check_declared()
    check_gates()
    mark_preparing()
    check_set()
  end
  check_titles()
  check_single_point()
  check_reversible()
  if is_complete and #book.errors.list == 0 then
    loose.check()
  end
end

return M
