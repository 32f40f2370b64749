-- The environment in which a runbook and its modules are run.
--
-- What a runbook can still do: use up its instruction and memory budget (the host then stops it),
-- and say wrong things in titles and reasons. It cannot reach files, the network, processes, the
-- clock, the stdlib's own tables or the tables of another module; whatever it can change is its
-- own. Every name it does not know is reported with the nearest one there is.

local _, host = ...
local book = require "bascule/language/book"
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"

local M = {}

-- What authors coming from plain Lua look for, and what to use instead.
local absent = {
  io = "a runbook cannot touch files; use file.copy",
  os = "a runbook cannot touch the system; use command.run",
  debug = "debug is not available",
  package = "use require \"name\" for a module beside the runbook",
  load = "code cannot be loaded as text; use require", loadstring = "use require",
  dofile = "use require", loadfile = "use require",
  coroutine = "steps are run by the interpreter; use wait_until to wait",
  collectgarbage = "memory is looked after by the interpreter",
  xpcall = "use pcall", rawset = "assign with =",
  tests = "a file of tests is tried with bascule test",
  test = "a file of tests is tried with bascule test",
}

-- Full names of everything a runbook may write: "step", "log_backups.apply", "string.format".
local function full_names(names)
  local result = {}
  for name, value in pairs(names) do
    result[#result + 1] = name
    if M.namespaces[value] then
      for _, key in ipairs(list.keys(M.namespaces[value])) do
        result[#result + 1] = name .. "." .. key
      end
    end
  end
  table.sort(result)
  return result
end

local function nearest_full(wrong, names)
  local found = nearest.find(wrong, full_names(names))
  return found and "did you mean " .. found .. "?"
end

-- The real tables behind read-only namespaces.
M.namespaces = {}

-- A read-only table of a namespace; an unknown field is a mistake.
function M.namespace(name, fields, names)
  local proxy = setmetatable({}, {
    __metatable = false,
    __name = name,
    __index = function(_, key)
      local value = fields[key]
      if value ~= nil then
        return value
      end
      local wrong = name .. "." .. tostring(key)
      book.mistake(("unknown primitive %q"):format(wrong), nearest_full(wrong, names)
        or nearest.hint(tostring(key), list.keys(fields)))
      return poison.new()
    end,
    __newindex = function()
      book.mistake(("%s cannot be changed"):format(name), "write local names of your own")
    end,
  })
  M.namespaces[proxy] = fields
  return proxy
end

-- A mistake whose message grows when the unknown name turns out to have a field.
local function unknown_name(key, names, hints)
  local name = tostring(key)
  local entry = book.mistake(("unknown name %q"):format(name), hints[name]
    or nearest.hint(name, list.keys(names), 'there is no such name; declare it with "local"'))
  return poison.new(function(field)
    local full = name .. "." .. tostring(field)
    if entry and not hints[name] then
      entry.message = ("unknown primitive %q"):format(full)
      entry.hint = nearest_full(full, names) or entry.hint
    end
  end)
end

-- A new environment over these names; each file gets its own. `hints` are for names that are not
-- among them: those of a runbook when left out.
function M.new(names, hints)
  return setmetatable({}, {
    __metatable = false,
    __index = function(_, key)
      local value = names[key]
      if value ~= nil then
        return value
      end
      return unknown_name(key, names, hints or absent)
    end,
    __newindex = function(env, key, value)
      book.mistake(("%q is assigned without being declared"):format(tostring(key)),
        ("write local %s = …"):format(tostring(key)))
      rawset(env, key, value)
    end,
  })
end

-- The safe base functions of the host, as fresh tables.
function M.base()
  local names = {}
  for key, value in next, host.base do
    names[key] = type(value) == "table" and list.copy(value) or value
  end
  return names
end

return M
