-- What sql, command and file have in common: resources of the user's own, and facts that the user
-- declares.

local args = require "bascule/language/args"
local book = require "bascule/language/book"
local errors = require "bascule/core/errors"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local poison = require "bascule/core/poison"

local M = {}

-- The resource of an action that declares facts of exactly one resource; else nil.
function M.resource_of(becomes)
  local keys = becomes and list.keys(becomes) or {}
  return #keys == 1 and handles.resource(keys[1]) or nil
end

-- Stands for what an action is about when nothing about it can be observed.
function M.anonymous(kind, name)
  return book.define(kind .. ":" .. tostring(name), {})
end

-- `becomes` as facts keyed by resource; facts without a resource have nowhere to be observed.
function M.check_becomes(becomes)
  for key, facts in next, becomes or {} do
    if not handles.resource(key) or type(facts) ~= "table" then
      book.mistake(("becomes does not say of which resource %q is true"):format(tostring(key)),
        "write becomes = { [facts] = { key = value } } with a handle in the brackets")
      return false
    end
  end
end

function M.wants(a)
  return a.becomes
end

function M.label(a)
  return a.becomes and "declared" or "assumed"
end

local function check_name(kind, name, place)
  if type(name) == "string" and name:find("^[%w_%-]+$") then
    return true
  end
  book.mistake(("%s.facts needs a name of letters and digits"):format(kind),
    ("write %s.facts \"name\" { … }"):format(kind), place)
  return false
end

-- `kind.facts "name" { … }`: checks the braces against `spec` and defines the resource with what
-- `define(a)` gives. Gives a handle.
function M.definer(kind, spec, define)
  return function(name)
    local place = errors.here()
    return function(given)
      local values = args.check(spec, given)
      local definition = values and check_name(kind, name, place) and define(values)
      if not definition then
        return poison.new()
      end
      local id = book.define(kind .. ":" .. name, definition)
      if not id then
        book.mistake(("there are two %s.facts %q"):format(kind, name), "give one another name",
          place)
        return poison.new()
      end
      return handles.facts(kind, id:match(":(.*)$"))
    end
  end
end

return M
