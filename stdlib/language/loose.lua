-- Actions and conditions that no statement takes: nothing would ever carry them out or ask them,
-- and whoever wrote them believes that it is done.
--
-- Every one that is made while a runbook is read is noted, and struck off when something takes it.
-- One that is only kept for another value of a parameter is a mistake too: nobody can tell it from
-- one that was forgotten.

local book = require "bascule/language/book"
local errors = require "bascule/core/errors"

local M = {}

-- Notes a value that has to be taken. `name` is what the runbook calls it by and `usage` how,
-- `is_condition` says that it is no action. Gives the value.
function M.note(value, name, usage, is_condition)
  if book.loading then
    book.loose[#book.loose + 1] = { value = value, name = name, usage = usage,
      is_condition = is_condition, place = errors.here() }
  end
  return value
end

local function take(value, seen)
  if type(value) ~= "table" or seen[value] then
    return
  end
  seen[value] = true
  book.taken[value] = true
  if getmetatable(value) == nil then
    for _, each in next, value do
      take(each, seen)
    end
  end
end

-- Something has use for a value, or for all values in a table.
function M.take(value)
  if book.loading then
    take(value, {})
  end
end

-- "verify { … }", "pool.close(…)", 'warn "…"'.
local function outline(each)
  local sign = (each.usage or ""):match("^[%w_.]+%s*([{\"])")
  local braces = { ["{"] = " { … }", ['"'] = ' "…"' }
  return each.name .. (braces[sign] or "(…)")
end

local function complain(each)
  if each.is_condition then
    book.mistake("this condition is in no guard and no verify, so it would never be checked",
      'write guard "…" { … }, or step "…" { verify { … } }', each.place)
  else
    book.mistake(("this %s is in no step, so it would never be carried out"):format(each.name),
      ('write step "…" { %s }'):format(outline(each)), each.place)
  end
end

-- Complains of all that nothing has taken, when the whole runbook has been read and nothing else is
-- wrong: a statement that is not understood takes nothing. A line in a loop is told once.
function M.check()
  local seen = {}
  for _, each in ipairs(book.loose) do
    local key = ("%s:%d:%s"):format(each.place.file, each.place.line, each.name)
    if not book.taken[each.value] and not seen[key] then
      seen[key] = true
      complain(each)
    end
  end
end

return M
