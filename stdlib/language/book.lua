-- The runbook that is loaded in this state, and the site it is for. One Lua state holds one.

local errors = require "bascule/core/errors"
local list = require "bascule/core/list"

local M = {
  site = nil, -- the normalised site file; nil when a runbook is checked without one
  errors = errors.new(),
  items = {},
  invariants = {},
  params = {},
  definitions = {},
  loose = {}, -- actions and conditions that were made, and those that something has taken
  taken = {},
  loading = false,
  is_numbering = false, -- the resource of an action is being made
}

-- Forgets everything about an earlier runbook. `args` are those of the entry function `load`.
function M.reset(args)
  M.path = args.path
  M.site = args.site
  M.set = args.set or {}
  M.mode = args.mode or "run"
  M.errors = errors.new()
  M.items = {}
  M.invariants = {}
  M.params = {}
  M.param_list = {}
  M.defaults = {}
  M.about = nil
  M.overrides = {}
  M.resources = {}
  M.is_resource = {}
  M.definitions = {}
  M.modules = {}
  M.loose = {}
  M.taken = {}
  M.loading = true
end

-- Reports a mistake of the runbook's author. While a runbook is being loaded it is collected; one
-- that only shows when a step is performed ends that step.
function M.mistake(message, hint, place)
  if M.loading then
    return M.errors:add(place or errors.here(), message, hint)
  end
  error(hint and message .. " (" .. hint .. ")" or message, 0)
end

-- Remembers that the runbook has to do with a resource, so that it is observed before planning.
function M.touch(resource)
  if M.loading and not M.is_resource[resource] then
    M.is_resource[resource] = true
    M.resources[#M.resources + 1] = resource
  end
end

-- A resource of the user's own: how to observe it. Returns its id, or nil when another has the
-- name. A primitive that is used twice defines its resource twice: the second gets a number, unless
-- it is the same.
function M.define(resource, definition)
  local id, number = resource, 1
  while M.definitions[id] do
    if list.same(M.definitions[id], definition) then
      return id
    elseif not M.is_numbering then
      return nil
    end
    number = number + 1
    id = resource .. "-" .. number
  end
  M.definitions[id] = definition
  M.touch(id)
  return id
end

return M
