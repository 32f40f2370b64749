-- Reads a runbook and the modules beside it. Nothing runs but the declarations themselves, and no
-- effect leaves here: the result is data.

local _, host = ...
local book = require "bascule/language/book"
local check = require "bascule/language/check"
local list = require "bascule/core/list"
local listing = require "bascule/language/listing"
local names = require "bascule/language/names"
local poison = require "bascule/core/poison"
local sandbox = require "bascule/core/sandbox"

local M = {}

-- Lua's own messages begin with "file:line: ", the file possibly shortened.
local function split_message(message)
  local line, rest = tostring(message):match(":(%d+): (.*)$")
  return tonumber(line), rest or tostring(message)
end

-- What Lua says about a wrong program, in the words of somebody who does not write Lua.
local function friendly(message)
  if message:find("attempt to call a nil value", 1, true) then
    return message, "a name before the braces or parentheses is not known"
  elseif message:find("attempt to index a nil value", 1, true) then
    return message, "the name before the dot or colon is not known"
  end
  return message, nil
end

-- Compiles and runs one file. Returns true and what it returned, or false after a mistake.
function M.run_file(file, source, env)
  book.errors:add_source(file, source)
  local chunk, wrong = host.compile("@" .. file, source, env)
  if not chunk then
    book.mistake("syntax error: " .. wrong.message, nil, { file = file, line = wrong.line })
    return false
  end
  local ok, result = pcall(chunk)
  if not ok then
    local line, message = split_message(result)
    local said, hint = friendly(message)
    book.mistake(said, hint, { file = file, line = line or 1 })
    return false
  end
  return true, result
end

local function missing_module(name, reason)
  local known = list.map(names.vocabulary, function(each)
    return each
  end)
  local hint = list.contains(known, name) and ("%s is there without require"):format(name)
    or ("put %s.lua into the runbook's folder"):format(tostring(name))
  local is_absent = not reason or reason:find("no such file", 1, true)
  book.mistake(("there is no module %q%s"):format(tostring(name),
    is_absent and "" or ": " .. reason), hint)
  return poison.new()
end

local function load_module(name, vocabulary)
  local source, path = host.module(name)
  if not source then
    return missing_module(name, path)
  end
  local outer = book.module
  local file = path or name .. ".lua"
  book.module = { name = name, file = file }
  book.modules[#book.modules + 1] = { name = name, source = source }
  local ok, result = M.run_file(file, source, sandbox.new(vocabulary))
  book.module = outer
  return ok and (result == nil and true or result) or poison.new()
end

-- The names that a file finds: those that `names_with(require)` gives, with its `require`, which
-- reads each module once.
function M.vocabulary(names_with)
  local loaded = {}
  local vocabulary
  local function require_module(name)
    if loaded[name] == nil then
      loaded[name] = false
      loaded[name] = load_module(name, vocabulary)
    elseif loaded[name] == false then
      book.mistake(("the module %q requires itself"):format(name), "remove one of the requires")
      return poison.new()
    end
    return loaded[name]
  end
  vocabulary = names_with(require_module)
  return vocabulary
end

local function result()
  return {
    errors = book.errors:sorted(),
    runbook = listing.runbook(),
    resources = host.list(list.copy(book.resources)),
    modules = host.list(list.copy(book.modules)),
  }
end

-- The entry function `load`; see host.lua.
function M.load(args)
  book.reset(args)
  local complete = M.run_file(args.path, args.source, sandbox.new(M.vocabulary(names.all)))
  check.all(complete)
  book.loading = false
  return result()
end

return M
