-- Which servers of a pool: a list of names, or `near(db.secondary)`.

local book = require "bascule/language/book"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"

local M = {}

local selectors = {}

-- The pool's servers in the data centre of a copy, or over a low-latency link to it.
function M.near(copy)
  local inner = handles.of(copy)
  if poison.is(copy) then
    return copy
  elseif not inner or inner.type ~= "copy" then
    book.mistake("near takes a copy of a database", "write near(db.secondary)")
    return poison.new()
  end
  local selector = setmetatable({}, {
    __metatable = false,
    __tostring = function()
      return "near " .. inner.title
    end,
  })
  selectors[selector] = { copy = inner }
  return selector
end

-- The plain table of the copy that a selector goes by; nil of anything else.
function M.selector(value)
  return selectors[value] and selectors[value].copy
end

-- nil unless the value is a list of texts or a selector.
function M.read(value)
  if selectors[value] then
    return value
  end
  if type(value) ~= "table" or handles.of(value) or not list.is_list(value) then
    return nil, "write near(db.secondary) or a list such as { \"fe3\", \"fe4\" }"
  end
  for _, name in ipairs(value) do
    if type(name) ~= "string" then
      return nil, "name the servers as texts, as in the site file"
    end
  end
  return value
end

local function check_names(pool, names)
  for _, name in ipairs(names) do
    if not list.contains(pool.site.servers, name) then
      book.mistake(("server %q is not in %s"):format(name, pool.title),
        nearest.hint(name, pool.site.servers))
      return nil
    end
  end
  if #names == 0 then
    book.mistake(("%s would have no active server"):format(pool.title),
      "name at least one; to ask whether there is none, write :has_no_active_servers()")
    return nil
  end
  local most = pool.site.maximum_active
  if most and #names > most then
    book.mistake(("%s may have %d active servers at most, not %d"):format(pool.title, most,
      #names), "list fewer servers")
    return nil
  end
  return names
end

-- The names for a pool, sorted. Without a site nothing is known and the list is empty. nil after
-- a mistake.
function M.resolve(pool, value)
  if not pool.site then
    return {}
  end
  if not selectors[value] then
    local names = list.copy(value)
    table.sort(names)
    return check_names(pool, names)
  end
  local copy = selectors[value].copy
  local data_centre = inventory.data_centre_of(copy.server)
  if not data_centre then
    return {}
  end
  local names = inventory.servers_near(pool.site, data_centre)
  if #names == 0 then
    book.mistake(("%s has no server in data centre %s or near it"):format(pool.title,
      inventory.data_centre_title(data_centre)), "add servers to the pool in the site file")
    return nil
  end
  return names
end

return M
