-- Handles of user directories: a directory, those who have a home in it, its two pools, and a move
-- to one of them. See handles.lua for what a handle is.

local book = require "bascule/language/book"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local platform = require "bascule/platforms/directory"
local poison = require "bascule/core/poison"

local M = {}

local sides = { "legacy", "new" }

-- The words for an application: "response groups".
local function application_words(name)
  return (name:gsub("_", " "))
end

-- Those who have a home, without a handle. `who` is as drivers take it, or "applications" for all
-- kinds of them together, which has no facts of its own but those of the `kinds`.
function M.describe_homes(directory, who)
  local all = directory.site and list.keys(directory.site.applications or {}) or {}
  local is_all = who == "applications"
  return {
    type = "homes", kind = "homes", directory = directory, who = who, site = directory.site,
    kinds = is_all and all or { who },
    id = ("homes:%s.%s"):format(directory.name, is_all and (all[1] or "users") or who),
    title = ("the %s of %s"):format(application_words(who), directory.name),
  }
end

local function side(directory, name)
  local pool = directory.site and directory.site[name]
  return handles.make {
    type = "side", kind = "deployment", directory = directory, name = name, site = directory.site,
    pool = pool or name, id = ("deployment:%s.%s"):format(directory.name, name),
    title = ("the %s pool %s"):format(name, pool or ("of " .. directory.name)),
  }
end

local function no_pilot(directory)
  book.mistake(("the directory %q names no pilot"):format(directory.name),
    ("add directories.%s.pilot to the site file: who is moved first"):format(directory.name))
  return poison.new()
end

local function part(directory, name)
  if list.contains(sides, name) then
    return side(directory, name)
  elseif name == "pilot" and directory.site and not inventory.has_pilot(directory.site) then
    return no_pilot(directory)
  end
  return handles.make(M.describe_homes(directory, name))
end

handles.define("directory", { "name" }, function()
  return { "users", "pilot", "applications", "legacy", "new" }
end, part)

-- Without a site any application may be there.
handles.define("homes", { "who" }, function(inner, name)
  return inner.who == "applications" and (inner.site and inner.kinds or { name }) or {}
end, function(inner, name)
  return handles.make(M.describe_homes(inner.directory, name))
end)

handles.define("side", { "name", "pool" })
handles.ask_facts "side"

handles.define("move", {})

-- A directory of the site. Without a site, or without a name, a stand-in.
function M.directory(name)
  local found = name and inventory.directory(name)
  if found then
    for _, each in ipairs(platform.resources(platform.named(name))) do
      book.touch(each.kind .. ":" .. each.name)
    end
  end
  return handles.make {
    type = "directory", kind = "homes", name = name or "?", site = found,
    id = ("homes:%s.users"):format(name or "?"), title = "the directory " .. (name or "?"),
  }
end

-- The ids of those who have a home.
function M.ids(homes)
  return list.map(homes.kinds, function(who)
    return ("homes:%s.%s"):format(homes.directory.name, who)
  end)
end

-- The id of another resource of the directory: M.id(people, "services", "new").
function M.id(directory, kind, rest)
  return kind .. ":" .. directory.name .. (rest and "." .. rest or "")
end

function M.other(side_name)
  return side_name == "legacy" and "new" or "legacy"
end

local function move(target, run, usage)
  local side_of = handles.of(target)
  if poison.is(target) or poison.is(run) then
    return poison.new()
  elseif not side_of or side_of.type ~= "side" then
    book.mistake("a move goes to a pool of the directory", "write " .. usage)
    return poison.new()
  end
  return handles.make {
    type = "move", kind = "deployment", directory = side_of.directory, to = side_of.name, run = run,
    id = side_of.id, title = ("a move to %s"):format(side_of.title),
  }
end

-- Everybody who is in the other pool.
function M.move_to(target)
  return move(target, nil, "move_to(people.new)")
end

-- Those whom a run has moved away, and nobody else; everybody who is in the other pool where `run`
-- is empty.
function M.move_back(target, run)
  if run ~= nil and type(run) ~= "string" and not poison.is(run) then
    book.mistake("move_back takes the id of a run", "write move_back(people.legacy, params.run)")
    return poison.new()
  elseif run == "last" then
    book.mistake("the last run is this one itself, when it has begun",
      "name the run whose moves are taken back by its id, as bascule status shows it")
    return poison.new()
  end
  return move(target, run ~= "" and run or nil, "move_back(people.legacy, params.run)")
end

-- Reports that the site file does not say how something of the directory is looked at.
function M.says(directory, key, what)
  if not directory.site or directory.site[key] then
    return true
  end
  book.mistake(("the site file does not say %s"):format(what),
    ("add directories.%s.%s"):format(directory.name, key))
  return false
end

return M
