-- What a rollback costs besides what it takes back: lines that the operator reads before it begins.

local _, host = ...
local action = require "bascule/action"
local book = require "bascule/language/book"
local list = require "bascule/core/list"
local primitive = require "bascule/primitive"

local M = {}

-- Of one action, by the facts as they are now.
local function lines_of(each)
  local inner = primitive.action(each)
  local tell = inner.primitive.caveats
  local lines = tell and tell(inner.a, action.observe) or {}
  if type(lines) == "string" then
    return { lines }
  elseif not list.is_list(lines) and next(lines) ~= nil then
    error(("the caveats of %s are lines in a list"):format(inner.primitive.name), 0)
  end
  return list.map(lines, tostring)
end

-- The entry function `caveats`; see host.lua.
function M.caveats(args)
  local item = book.items[args.index]
  local lines = list.copy(item.caveats or {})
  primitive.forget_passing()
  for index, each in ipairs(item.actions) do
    if args.action == 0 or args.action == index then
      for _, line in ipairs(lines_of(each)) do
        lines[#lines + 1] = line
      end
    end
  end
  return host.list(lines)
end

return M
