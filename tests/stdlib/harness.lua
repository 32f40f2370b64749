-- Entry module of bascule_luatest: loads a file of tests and runs them one at a time.
-- How to write tests is told at the top of runner.c.
local _, host = ...
local differ = require "bascule/testing/diff"

local privileged = _ENV
local tests = {}
local difference

-- The text of a value, on several lines, keys in order, so that two of them can be compared.
local function show(value, indent, lines, seen)
  if type(value) == "string" then
    return string.format("%q", value)
  elseif type(value) ~= "table" then
    return tostring(value)
  elseif seen[value] then
    return "<seen above>"
  end
  seen[value] = true
  local inner = indent .. "  "
  local text = { host.is_list(value) and "list {" or "{" }
  for key, item in pairs(value) do
    local name = type(key) == "number" and "" or tostring(key) .. " = "
    text[#text + 1] = inner .. name .. show(item, inner, lines, seen) .. ","
  end
  seen[value] = nil
  if #text == 1 then
    return text[1] .. "}"
  end
  text[#text + 1] = indent .. "}"
  return table.concat(text, "\n")
end

local function lines_of(value)
  local lines = {}
  for line in (show(value, "", {}, {}) .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

local function diff(expected, actual)
  return table.concat(differ.of(lines_of(expected), lines_of(actual), rawequal, tostring), "\n")
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return rawequal(a, b) or a == b
  elseif host.is_list(a) ~= host.is_list(b) and (next(a) == nil or next(b) == nil) then
    return false
  end
  for key, item in pairs(a) do
    if not same(item, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function fail(message, text)
  local file, line = host.where(3)
  difference = text
  error({ message = message, file = file, line = line })
end

local expect = {}

function expect.equal(actual, expected)
  if not same(actual, expected) then
    fail("the values differ", diff(expected, actual))
  end
end

function expect.truthy(value, message)
  if not value then
    fail(message or "the value is " .. tostring(value))
  end
end

-- Calls fn, which must raise an error whose message contains `part` (plain text); returns the
-- error.
function expect.raises(part, fn, ...)
  local ok, problem = pcall(fn, ...)
  local message = type(problem) == "table" and problem.message or problem
  if ok then
    fail("no error was raised, expected: " .. part)
  elseif not tostring(message):find(part, 1, true) then
    fail("another error was raised", diff(part, tostring(message)))
  end
  return problem
end

-- Runs fn as a task; `answers` is a function from an effect to its answer, or a table of such
-- functions (or plain answers) by the effect's op.
local function drive(fn, answers)
  if type(answers) == "function" then
    return host.drive(fn, answers)
  end
  return host.drive(fn, function(effect)
    local answer = answers[effect.op]
    if answer == nil then
      error("no answer is prepared for the effect \"" .. tostring(effect.op) .. "\"", 0)
    elseif type(answer) == "function" then
      return answer(effect)
    end
    return answer
  end)
end

local M = {}

-- load {path, text} → {names}
function M.load(args)
  local env = { host = host, drive = drive, expect = expect }
  for name, value in pairs(privileged) do
    env[name] = value
  end
  env._G = env
  local modules = {}
  env.require_module = function(name)
    if modules[name] == nil then
      local source, file = host.module(name)
      if not source then
        error(file, 0)
      end
      local chunk, problem = host.compile(file, source, env)
      modules[name] = chunk and chunk(name, host) or error(problem.message, 0)
    end
    return modules[name]
  end
  local chunk, problem = host.compile(args.path, args.text, env)
  if not chunk then
    error({ message = problem.message, file = args.path, line = problem.line })
  end
  tests = chunk(args.path, host)
  if type(tests) ~= "table" then
    error({ message = "the file returns no table of tests", file = args.path })
  end
  local names = {}
  for name, test in pairs(tests) do
    if type(name) ~= "string" or type(test) ~= "function" then
      error({ message = "a test is a function with a sentence as its name", file = args.path })
    end
    names[#names + 1] = name
  end
  return { names = host.list(names) }
end

-- run {name}
function M.run(args)
  difference = nil
  tests[args.name]()
  return {}
end

-- difference {} → {text} of the last failure
function M.difference()
  return { text = difference }
end

return M
