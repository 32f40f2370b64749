-- The invariants of a runbook's author, held against the facts before and after one change.
local lab = require_module "lab"
local match = require "bascule/core/match"
local T = {}

-- What a change from `before` to `after` breaks, both {resource = facts}, laid over the lab's;
-- `changed` are ids of resources, none when left out.
local function broken(before, after, changed)
  local facts = { before = lab.facts(), after = lab.facts() }
  for when, more in pairs { before = before, after = after } do
    for resource, keys in pairs(more) do
      facts[when][resource] = keys
    end
  end
  return drive(function()
    return lab.host.invariants { changed = host.list(changed or {}) }
  end, function(effect)
    expect.equal(effect.op, "look")
    return facts[effect.when][effect.resource]
  end)
end

local function load(body)
  local loaded = lab.body('step "s" { warn "w" }\ninvariant "It stays" { ' .. body .. " }")
  expect.equal(lab.errors(loaded), host.list {})
end

local function texts(found)
  local result = {}
  for index, each in ipairs(found) do
    result[index] = each.text
  end
  return result
end

local normal, over = { state = "Normal" }, { state = "FailedOver" }
local unknown = { state = { ["$unknown"] = "text" } }

T["what held and does not hold any more is broken, by the line of the invariant"] = function()
  load 'chat:is "Normal", mend = "Leave it."'
  local found = broken({ ["pool:chat"] = normal }, { ["pool:chat"] = over })
  expect.equal(#found, 1)
  expect.equal({ found[1].title, found[1].mend, found[1].line }, { "It stays", "Leave it.", 4 })
  expect.equal(#broken({ ["pool:chat"] = over }, { ["pool:chat"] = over }), 0)
  expect.equal(#broken({ ["pool:chat"] = over }, { ["pool:chat"] = normal }), 0)
end

T["what may have held and may not hold any more is broken, negated or not"] = function()
  for _, body in ipairs { 'chat:is "Normal"', 'chat:is_not "FailedOver"',
    'either { chat:is "Normal" }' } do
    load(body)
    expect.equal(#broken({ ["pool:chat"] = normal }, { ["pool:chat"] = unknown }), 1)
    expect.equal(#broken({ ["pool:chat"] = unknown }, { ["pool:chat"] = over }), 1)
    expect.equal(#broken({ ["pool:chat"] = unknown }, { ["pool:chat"] = normal }), 0)
    expect.equal(#broken({ ["pool:chat"] = over }, { ["pool:chat"] = unknown }), 0)
  end
  expect.truthy(texts(broken({ ["pool:chat"] = normal },
    { ["pool:chat"] = unknown }))[1]:find("unknown<text>", 1, true))
end

T["a log backup is skipped that was copied, whether or not the share can be read"] = function()
  load 'chat:is "Normal"'
  local secondary, backups = "database:mgc.secondary", "log_backups:mgc.secondary"
  local was = { state = "restoring", sessions = 0 }
  local function count(chain)
    return #broken({ [secondary] = was, [backups] = chain }, { [secondary] = { state = "online" } },
      { secondary })
  end
  for _, each in ipairs { { true, 110, 130, 1 }, { true, 130, 130, 0 }, { false, 110, 130, 1 },
    { false, 120, 130, 0 } } do
    expect.equal(count { share_readable = each[1], problem = "none", applied_lsn = each[2],
      copied_lsn = 120, last_lsn = each[3] }, each[4])
  end
end

T["an error in a condition leaves the world to decide as before"] = function()
  load 'chat:has_no_active_servers()'
  local usual = match.undecided
  local ok = pcall(broken, { ["pool:chat"] = { active_servers = 7 } },
    { ["pool:chat"] = { active_servers = 7 } })
  expect.equal(ok, false)
  expect.equal(match.undecided, usual)
end

return T
