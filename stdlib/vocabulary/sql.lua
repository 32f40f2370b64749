-- SQL of your own: facts that a query gives, and statements that change something.

local _, host = ...
local book = require "bascule/language/book"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"
local own = require "bascule/vocabulary/own"
local primitive = require "bascule/primitive"
local registry = require "bascule/platforms/registry"

-- Where a statement goes: a copy, or a server by its name.
local function target_of(a)
  local copy = handles.of(a.on)
  if copy then
    return copy.site and registry.of(copy).target(copy) or {}
  end
  return { server = a.server, file = a.file, database = a.database }
end

local function check_target(a)
  if not a.on and not a.server then
    book.mistake("the statement does not say where it is executed",
      "add on = db.secondary, or server = \"…\"")
    return false
  end
end

-- The statement with its values in place of the question marks, for people only: what is executed
-- is the statement and the values apart.
local function words(statement, params)
  local index = 0
  return (statement:gsub("%?", function()
    index = index + 1
    local value = (params or {})[index]
    if type(value) == "string" then
      return "'" .. value:gsub("'", "''") .. "'"
    end
    return value ~= nil and value ~= host.null and tostring(value) or "NULL"
  end))
end

local function execution(a, statement, params, expect_rows)
  local target = target_of(a)
  return {
    row = "sql.execute",
    args = { server = target.server, file = target.file, database = target.database,
      sql = statement, params = host.list(list.copy(params or {})), expect_rows = expect_rows },
    statement = words(statement, params),
  }
end

local function resource_of(a)
  return own.resource_of(a.becomes) or a.on or own.anonymous("sql", a.server)
end

local undo_keys = { "statement", "params", "expect_rows", "becomes" }

local function check_undo(a)
  for _, key in ipairs(list.keys(a.undo or {})) do
    if not list.contains(undo_keys, key) then
      book.mistake(("undo of sql.change has no %q"):format(tostring(key)),
        nearest.hint(tostring(key), undo_keys))
      return false
    end
  end
  if a.undo and type(a.undo.statement) ~= "string" then
    book.mistake("the undo of sql.change has no statement",
      'write undo = { statement = "…" }')
    return false
  end
end

local function undo(a)
  local change = execution(a, a.undo.statement, a.undo.params, a.undo.expect_rows)
  change.becomes = a.undo.becomes
  return { change }
end

-- Executes one statement. With `becomes` it is carried out only where the facts are not so already,
-- and compared afterwards; without, every time, and its effect is assumed.
local change = primitive.shipped {
  name = "sql.change",
  doc = "Executes one SQL statement; say what it makes true with becomes.",
  args = {
    { "on", "copy", optional = true, doc = "the copy to execute it on" },
    { "server", "server", optional = true, doc = "or the server, by its name in the site" },
    { "file", "text", optional = true, doc = "database file on that server" },
    { "database", "text", optional = true, doc = "database on that server" },
    { "statement", "text", doc = "SQL with question marks for values" },
    { "params", "list", optional = true, doc = "the values" },
    { "expect_rows", "integer", optional = true,
      doc = "rows it must change; none is a failure, another number an unknown outcome" },
    { "becomes", "map", optional = true, doc = "facts that it makes true, by resource" },
    { "undo", "map", optional = true, doc = "{ statement = …, params = …, becomes = … }" },
  },
  usage = 'sql.change { on = db.secondary, statement = "…" }',
  check = function(a)
    if check_target(a) == false or check_undo(a) == false then
      return false
    end
    return own.check_becomes(a.becomes)
  end,
  resource = resource_of,
  label = own.label,
  wants = own.wants,
  changes = function(a)
    return { execution(a, a.statement, a.params, a.expect_rows) }
  end,
  undoes = function(a)
    return a.undo and undo
  end,
}

local facts_spec = {
  name = "sql.facts",
  usage = 'sql.facts "name" { on = db.secondary, query = "…" }',
  args = {
    { "on", "copy", optional = true, doc = "the copy to ask" },
    { "server", "server", optional = true, doc = "or the server, by its name in the site" },
    { "file", "text", optional = true, doc = "database file on that server" },
    { "database", "text", optional = true, doc = "database on that server" },
    { "query", "text", doc = "SQL; the columns of the first row become facts" },
    { "params", "list", optional = true, doc = "the values of its question marks" },
  },
}

-- A resource of your own: the columns of the first row of a query are its facts.
local facts = own.definer("sql", facts_spec, function(a)
  if check_target(a) == false then
    return nil
  end
  return { sql = a.query, params = host.list(list.copy(a.params or {})), target = target_of(a) }
end)

facts_spec.doc = "Makes facts of your own from the first row of a query."

return {
  { name = "sql.change", value = change },
  { name = "sql.facts", value = facts, doc = facts_spec.doc, args = facts_spec.args,
    usage = facts_spec.usage, read_only = true },
}
