-- Programs of your own, started with their arguments and never through a shell.

local _, host = ...
local book = require "bascule/language/book"
local list = require "bascule/core/list"
local own = require "bascule/vocabulary/own"
local primitive = require "bascule/primitive"

local function check_argv(argv)
  for _, each in ipairs(argv) do
    if type(each) ~= "string" then
      book.mistake("every argument of a command is a text",
        "write numbers in quotes, and one argument in each pair of quotes")
      return false
    end
  end
  if #argv == 0 then
    book.mistake("the command is empty", 'write argv = { "/usr/bin/systemctl", "stop", "chat" }')
    return false
  end
end

-- As somebody would type it, so that it can be read and tried by hand.
local function words(argv, on)
  local typed = list.map(argv, function(each)
    if each:find("^[%w_%-%./:=,@+]+$") then
      return each
    end
    return "'" .. each:gsub("'", "'\\''") .. "'"
  end)
  return (on and "on " .. on .. ": " or "") .. table.concat(typed, " ")
end

local function execution(a, argv)
  return {
    row = "command.run",
    args = { argv = host.list(list.copy(argv)), host = a.host, expect_exit = a.expect_exit,
      timeout_ms = a.timeout },
    statement = words(argv, a.host),
    timeout_ms = a.timeout,
  }
end

local function undo(a)
  local change = execution(a, a.undo.argv)
  change.becomes = a.undo.becomes
  return { change }
end

-- Starts a program and waits for its end. Say what it makes true with `becomes`; otherwise its
-- effect is assumed and it is started every time.
local run = primitive.shipped {
  name = "command.run",
  doc = "Starts a program, here or on a host, never through a shell.",
  args = {
    { "argv", "list", doc = "the program and its arguments" },
    { "host", "text", optional = true, doc = "where to start it over ssh; here when left out" },
    { "expect_exit", "integer", optional = true, doc = "exit status of success; 0 when left out" },
    { "timeout", "duration", optional = true, doc = "how long it may take" },
    { "becomes", "map", optional = true, doc = "facts that it makes true, by resource" },
    { "undo", "map", optional = true, doc = "{ argv = { … }, becomes = { … } }" },
  },
  usage = 'command.run { argv = { "/usr/bin/systemctl", "stop", "chat" } }',
  check = function(a)
    if check_argv(a.argv) == false then
      return false
    end
    if a.undo and type(a.undo.argv) ~= "table" then
      book.mistake("the undo of command.run has no argv", "write undo = { argv = { … } }")
      return false
    end
    return own.check_becomes(a.becomes)
  end,
  resource = function(a)
    return own.resource_of(a.becomes)
      or own.anonymous("command", a.argv[1]:match("([^/]+)$") or a.argv[1])
  end,
  label = own.label,
  wants = own.wants,
  changes = function(a)
    return { execution(a, a.argv) }
  end,
  undoes = function(a)
    return a.undo and undo
  end,
}

local facts_spec = {
  name = "command.facts",
  doc = "Makes facts of your own (exit, out, err) from a program that only looks.",
  usage = 'command.facts "name" { argv = { … } }',
  args = {
    { "argv", "list", doc = "the program and its arguments; it must change nothing" },
    { "host", "text", optional = true, doc = "where to start it over ssh" },
    { "timeout", "duration", optional = true, doc = "how long it may take" },
  },
}

local facts = own.definer("command", facts_spec, function(a)
  if check_argv(a.argv) == false then
    return nil
  end
  return { argv = host.list(list.copy(a.argv)), host = a.host, timeout_ms = a.timeout }
end)

return {
  { name = "command.run", value = run },
  { name = "command.facts", value = facts, doc = facts_spec.doc, args = facts_spec.args,
    usage = facts_spec.usage, read_only = true },
}
