-- The contract of a primitive, the same for the shipped ones and for a user's own.
--
--   primitive {
--     name     = "greet",                           -- its module's name when left out
--     doc      = "what it is for",
--     args     = { { "database", "copy" }, { "text", "text" } },
--     resource = function(a) … end,                 -- what it is about; else the first handle
--     requires = function(a, facts, observe) … end, -- a reason to refuse, or nothing
--     wants    = function(a, facts, observe) … end, -- the facts it makes true
--     changes  = function(a, facts, observe) … end, -- how: a list of changes or actions
--     undo     = function(a, before, wanted) … end, -- changes or actions that take it back, or a
--                                                   -- text: why there is nothing to take back
--     harmless = "why no undo is needed",
--     caveats  = function(a, observe) … end,        -- lines that the operator reads before it is
--                                                   -- taken back: what that costs, and whom
--   }
--
-- `a` holds the arguments by name, `facts` those of the resource as they are now, and
-- `observe(handle)` gives the facts of any other resource. `wants` gives facts of the resource
-- ({ posted = 1 }) or of several ({ [handle] = { … } }); left out, the action is "assumed": it is
-- carried out every time and nothing is compared. A change is { statement, row, args, becomes,
-- repeatable = true where it does nothing more when it is made again,
-- why_not = a function that gives a reason to refuse, or nothing, right before each attempt,
-- bound = further arguments of the row, which tell what was looked at from what came in its place
-- and are no part of what is planned,
-- settles = the row that tells with the same arguments, and `patient` for whether it may wait for
-- that, what became of it, where what is observed does not tell that it may still happen }
-- or an action of another primitive; the last one is taken to make `wants` true unless it says
-- otherwise. `changes` may also give a function that returns the next change each time it is
-- called with the latest facts, and nil at the end: for long work that should not be listed first.
--
-- The shipped ones also use: `moot` (asked before `wants`, with the same arguments and whether the
-- runbook brings the resource online later: "kept" or "skipped" and why, when the time for the
-- action is over), `read_only` (changes nothing), `performs` (a whole other way of being
-- performed, with the world's effects), `tells` (notes for the operator afterwards, given what
-- `remembers` gave before the changes), `irreversible` (the step must be the point of no return;
-- what it changes before that says so by `returns = true`, and the undo is for that),
-- `undoes` (for actions that carry their own undo, or where the platform decides on one, with
-- `undo_word`, which the reference says of it), a fourth argument of `undo` (the facts of all
-- resources that the action foretells, as they were), `mends` (for actions that have no undo, where
-- the platform has this: gives the function that, as an undo does, gives what puts right an action
-- that was left half done; it is given `observe` as well, and what was changed stays), `likely` of
-- a change (a function, called when the change is made, that gives facts like those of `becomes`
-- which the site may make others meanwhile, so that nothing is held against them), `label`,
-- `usage`, `takes_list`, `check` (of arguments against each other, while loading). Whatever a
-- shipped primitive promises in `becomes` and `wants`, and whatever it lets through in `requires`,
-- is compared with the real platform; see "Conformance" in docs/architecture.md.

local args = require "bascule/language/args"
local book = require "bascule/language/book"
local errors = require "bascule/core/errors"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local loose = require "bascule/language/loose"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"

local M = {}

-- Type of each field of the contract.
local fields = {
  name = "string", doc = "string", args = "table", resource = "function", requires = "function",
  wants = "function", changes = "function", undo = "function", harmless = "string",
  read_only = "boolean", performs = "function", tells = "function", irreversible = "boolean",
  undoes = "function", label = "any", usage = "string", takes_list = "boolean",
  check = "function", moot = "function", shipped = "boolean", remembers = "function",
  undo_word = "string", caveats = "function", mends = "function",
}

local actions = {}
local primitives = {}

-- Actions made while an item is performed: they are of no use to anybody once it is over.
local passing = {}

local action_meta = {
  __metatable = false,
  __name = "action",
  __tostring = function(self)
    return actions[self].primitive.name
  end,
  __index = function(self, key)
    book.mistake(("%s gives an action, which has no %q"):format(actions[self].primitive.name,
      tostring(key)), "put it into the braces of a step")
    return poison.new()
  end,
}

-- The plain table behind an action: primitive, a (arguments), resource, place. nil for others.
function M.action(value)
  return actions[value]
end

-- Another item begins: forgets the actions that the last one has made.
function M.forget_passing()
  for _, action in ipairs(passing) do
    actions[action] = nil
  end
  passing = {}
end

function M.is(value)
  return primitives[value] ~= nil
end

-- What a call looks like, made from the arguments when a primitive does not say.
local function usage_of(spec)
  local names = list.map(spec.args, function(arg)
    return not arg.optional and arg.default == nil and arg[1] or nil
  end)
  return ("%s(%s)"):format(spec.name, table.concat(names, ", "))
end

local function default_resource(spec, a)
  for _, arg in ipairs(spec.args) do
    local id = handles.of(a[arg[1]]) and handles.resource(a[arg[1]])
    if id then
      return id
    end
  end
end

-- The id of the resource that an action is about.
local function resource_of(spec, a)
  if not spec.resource then
    return default_resource(spec, a)
  end
  book.is_numbering = true
  local resource = spec.resource(a)
  book.is_numbering = false
  return handles.resource(resource)
end

local function call(spec, ...)
  local place = errors.here()
  local a = args.check(spec, ...)
  if not a or (spec.check and spec.check(a) == false) then
    return poison.new()
  end
  local resource = resource_of(spec, a)
  if not resource then
    book.mistake(("%s does not say which resource it is about"):format(spec.name),
      "give it a handle, or the primitive a function `resource`")
    return poison.new()
  end
  local action = setmetatable({}, action_meta)
  actions[action] = { primitive = spec, a = a, resource = resource, place = place }
  if not book.loading then
    passing[#passing + 1] = action
  end
  loose.take(a)
  return loose.note(action, spec.name, spec.usage)
end

local primitive_meta = {
  __metatable = false,
  __name = "primitive",
  __call = function(self, ...)
    return call(primitives[self], ...)
  end,
  __tostring = function(self)
    return primitives[self].name
  end,
}

function primitive_meta.__index(self, key)
  local name = primitives[self].name
  book.mistake(("unknown primitive %q"):format(name .. "." .. tostring(key)),
    ("%s is a primitive itself; write %s"):format(name, primitives[self].usage))
  return poison.new()
end

local function check_fields(spec, place)
  for _, key in ipairs(list.keys(spec)) do
    local wanted = fields[key]
    if not wanted then
      book.mistake(("a primitive has no %q"):format(tostring(key)),
        nearest.hint(tostring(key), list.keys(fields)), book.errors:find_key(place, key))
      return false
    elseif wanted ~= "any" and type(spec[key]) ~= wanted and not poison.is(spec[key]) then
      book.mistake(("%q of a primitive must be a %s, not %s"):format(key, wanted,
        type(spec[key])), nil, book.errors:find_key(place, key))
      return false
    end
  end
  return true
end

local function check_args(spec, place)
  for _, arg in ipairs(spec.args) do
    if type(arg) ~= "table" or type(arg[1]) ~= "string" or not args.types[arg[2]] then
      local name = type(arg) == "table" and tostring(arg[2]) or tostring(arg)
      book.mistake(("the argument type %q is unknown"):format(name),
        'describe an argument as { "name", "type" }; types: '
          .. table.concat(list.keys(args.types), ", "), place)
      return false
    end
  end
  return true
end

local function check_way(spec, place)
  if not spec.changes and not spec.performs then
    book.mistake(("the primitive %q has no changes"):format(spec.name),
      "give it changes = function(a, facts) return { … } end", place)
    return false
  end
  return true
end

-- Makes a primitive of its description; a placeholder after a mistake. `module` is the name of the
-- module it stands in.
function M.define(spec, place, module)
  if type(spec) ~= "table" then
    book.mistake("primitive takes a description in braces", "write primitive { args = …, "
      .. "changes = … }", place)
    return poison.new()
  end
  spec = list.copy(spec)
  spec.name = spec.name or module or "primitive"
  spec.args = spec.args or {}
  if not (check_fields(spec, place) and check_args(spec, place) and check_way(spec, place)) then
    return poison.new()
  end
  spec.usage = spec.usage or usage_of(spec)
  spec.module = module
  local primitive = setmetatable({}, primitive_meta)
  primitives[primitive] = spec
  return primitive
end

-- A primitive of the stdlib.
function M.shipped(spec)
  spec.shipped = true
  spec.label = spec.label or (spec.read_only and "evaluated" or "modelled")
  return M.define(spec, { file = spec.name, line = 0 })
end

function M.describe(primitive)
  return primitives[primitive]
end

-- How sure it is what an action makes true: modelled, evaluated, declared or assumed.
function M.label(action)
  local label = action.primitive.label
  if type(label) == "function" then
    return label(action.a)
  end
  return label or (action.primitive.wants and "declared" or "assumed")
end

-- "automatic", "declared", "none" or "not needed": how an action is taken back.
function M.undo_word(action)
  local spec = action.primitive
  if spec.read_only or spec.harmless then
    return "not needed"
  elseif spec.irreversible then
    return "none"
  elseif spec.undoes then
    return spec.undoes(action.a) and (spec.undo_word and "automatic" or "declared") or "none"
  elseif spec.undo then
    return spec.shipped and "automatic" or "declared"
  end
  return "none"
end

return M
