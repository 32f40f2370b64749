-- The entry functions that the host calls. Each takes one map and gives one map (or list); those
-- marked so yield effects on the way.

local _, host = ...
local book = require "bascule/language/book"
local caveats = require "bascule/caveats"
local invariants = require "bascule/rehearsal/invariants"
local list = require "bascule/core/list"
local loader = require "bascule/language/loader"
local moves = require "bascule/rehearsal/moves"
local names = require "bascule/language/names"
local perform = require "bascule/language/perform"
local registry = require "bascule/platforms/registry"
local said = require "bascule/said"
local schema = require "bascule/facts/schema"
local test_check = require "bascule/testing/check"
local test_file = require "bascule/testing/file"
local test_judge = require "bascule/testing/judge"
local text = require "bascule/core/text"
local warnings = require "bascule/warnings"

local M = {}

-- {path, source, site?, set = {name = text}, mode = "check"|"run"} → {errors, runbook, resources,
-- modules}. Forgets the runbook that was loaded before.
M.load = loader.load

-- {index, from?, changed?} → {outcome, reason, actions}. A step that is gone on with begins with
-- the action `from`; `changed` says whether it has changed something before. Yields begin, observe,
-- change, sleep, now, undecided, ask, reached and note. A gate that parks the run also gives
-- {parked = {since, until?, waits_for = "time"|"answer"}}.
M.perform = perform.perform

-- {index, action, undo, begun?} → {outcome, reason, actions}. Takes an action of an item back, or
-- all of it where it declares how; `undo` is what the action's first change carried, and `begun`
-- says whether a part of it was made before. Yields as perform does.
M.take_back = perform.take_back

-- A site given here replaces the one a runbook was loaded with: for observing without a runbook.
local function adopt(args)
  book.site = args.site or book.site
end

-- {index, action} → texts: what the operator has to know before an action of an item is taken back,
-- or (action 0) all of it. Yields observe.
M.caveats = caveats.caveats

-- {reached, resources = {item = ids}} → {items = {{index, kind, title, file, line, code, says}},
-- site = {path = {item, value}}, defaults}: what each item says, and the parts of the site that the
-- first `reached` items, and those further resources of them, rest on.
M.said = said.said

-- {resource, site?} → its facts. Yields call.
function M.observe(args)
  adopt(args)
  return registry.observe(args.resource)
end

-- {resources = ids} → texts, one for each: resources with the same text are looked at in turn,
-- others may be looked at meanwhile.
function M.groups(args)
  return host.list(list.map(args.resources, registry.group))
end

-- {site?} → every resource of the site: {id, kind, title}.
function M.resources(args)
  adopt(args)
  return registry.resources()
end

-- {site?} → {{id, file}}: the resources whose targets have a place for a lease, which is beside the
-- file.
function M.leases(args)
  adopt(args)
  return registry.leases()
end

-- {} → {kind = {key = {type, unit, values, doc, …}}}; facts/schema.lua tells of the rest.
function M.schema()
  return schema.describe()
end

-- {facts} → {{resource, key?, message, hint?}}: what is wrong with recorded facts.
function M.complaints(args)
  return host.list(list.map(schema.complaints(args.facts), function(each)
    each.hint = each.hint and text.sentence(each.hint) .. (each.hint:find "%p$" and "" or ".")
    return each
  end))
end

-- {} → the vocabulary: {name, args, doc, undo, usage}.
function M.primitives()
  return host.list(names.describe())
end

-- {facts, site?} → texts: what is wrong with the site itself, whatever a runbook may do.
function M.warnings(args)
  adopt(args)
  return host.list(warnings.of(args.facts))
end

-- {resource, facts} → {{words, facts}}: what the world could do to it by itself.
function M.moves(args)
  return host.list(moves.of(args))
end

-- {} → {{kind, words}}: all that it could ever do.
function M.all_moves()
  return host.list(moves.describe())
end

-- {changed = ids} → {{title, text, mend, line}}: the invariants that a change has broken. Yields
-- look.
function M.invariants(args)
  return host.list(invariants.broken(args))
end

-- {path, source} → {errors, about = {runbook, site, facts, set, line}, modules}: reads a file of
-- tests in the place of a runbook.
M.tests = test_file.load

-- {items, facts, resources, faults = {{name, looks}}} of the runbook that the tests are about →
-- {errors, tests = {{title, line, set, facts, faults, resume}}}.
M.tests_check = test_check.check

-- {index, account} → {{about, lines}}: where the account of a walk differs from what is expected.
function M.tests_judge(args)
  return host.list(test_judge.differences(args))
end

return M
