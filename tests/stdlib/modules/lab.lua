-- What the tests of the library share: a site, facts as they are after the primary data centre was
-- lost, and a played world that carries out changes by believing them.

local lab = {}

lab.host = require "bascule/host"

local function copy_deep(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = host.is_list(value) and host.list({}) or {}
  for key, each in pairs(value) do
    copy[key] = copy_deep(each)
  end
  return copy
end

lab.copy = copy_deep

local function server(data_centre)
  return { data_centre = data_centre, platform = "sqlite" }
end

local function copy_on(name)
  return { server = name, file = "mgc.db", path = "/site/" .. name .. "/mgc.db" }
end

-- The site of the practice lab, normalised.
function lab.site()
  local primary = copy_on "sql1"
  primary.salvage = "/rescued/sql1/mgc.db"
  return {
    site = "litware",
    data_centres = { dc1 = { title = "Atlanta" }, dc2 = { title = "Boston" } },
    links = { { between = { "dc1", "dc2" }, low_latency = false } },
    servers = {
      sql1 = server "dc1", sql2 = server "dc1", sql3 = server "dc2", sql4 = server "dc2",
      app = server "dc2", clients = server "dc2",
      fe1 = { data_centre = "dc1" }, fe2 = { data_centre = "dc1" },
      fe3 = { data_centre = "dc2" }, fe4 = { data_centre = "dc2" },
    },
    databases = {
      mgc = {
        failover = "allowed",
        primary = primary, mirror = copy_on "sql2",
        secondary = copy_on "sql3", secondary_mirror = copy_on "sql4",
        log_shipping = { share = "/site/backups", destination = "/site/copied",
          destination_limit = 1048576 },
        loss_check = { server = "clients", file = "ledger.db", path = "/site/clients/ledger.db",
          known = "SELECT count(*) FROM acknowledged",
          kept = "SELECT count(*) FROM tblChatMessage" },
      },
      mgccomp = {
        failover = "never", note = "Rows not yet adapted stay on the old primary.",
        backlog = "SELECT count(*) FROM tblComplianceData",
        primary = { server = "sql1", file = "mgccomp.db", path = "/site/sql1/mgccomp.db" },
      },
    },
    pools = {
      chat = { driver = "table", server = "app", file = "pool.db", table = "pool",
        database = "mgc", maximum_active = 4, servers = { "fe1", "fe2", "fe3", "fe4" } },
    },
  }
end

-- A chain of `count` backups of ten LSNs each after `after`; those up to `copied` are copied.
function lab.chain(after, count, copied)
  local chain = host.list({})
  for index = 1, count do
    local last = after + 10 * index
    chain[index] = ("%d %d 1000 %064x 2024-05-01T10:%02d:00Z %s mgc_%020d.blog"):format(last - 10,
      last, last, index % 60, last <= (copied or 0) and "copied" or "missing", last)
  end
  return chain
end

-- Facts after the primary data centre was lost: three backups to copy and apply, and a tail.
function lab.facts()
  local chain = lab.chain(100, 3, 110)
  return {
    ["database:mgc.primary"] = { state = "unreachable", writable = false },
    ["database:mgc.mirror"] = { state = "unreachable", writable = false },
    ["database:mgc.secondary"] = { state = "restoring", writable = false, database_id = "d1",
      fork = "f1", lsn = 100, time = "2024-05-01T10:00:00Z", sessions = 2,
      session_list = host.list { { pid = 41, program = "sqlite3" },
        { pid = 42, program = "report" } },
      log_shipping = "configured" },
    ["database:mgc.secondary_mirror"] = { state = "missing", log_shipping = "none" },
    ["mirror:mgc.mirror"] = { state = "broken" },
    ["mirror:mgc.secondary_mirror"] = { state = "none" },
    ["log_backups:mgc.secondary"] = { share_readable = true, free_bytes = 500000, chain = chain,
      applied_lsn = 100, applied_time = "2024-05-01T10:00:00Z", copied_lsn = 110, last_lsn = 130,
      last_time = "2024-05-01T10:03:00Z", pending_bytes = 2000, problem = "none",
      problem_text = "", ignored = host.list {} },
    ["log_chain:mgc.secondary"] = { share_readable = true, problem = "none", problem_text = "",
      last_lsn = 130 },
    ["tail:mgc.primary"] = { state = "available", first_lsn = 130, last_lsn = 137, commits = 4,
      time = "2024-05-01T10:03:30Z", reason = "" },
    ["pool:chat"] = { state = "Normal", active_servers = host.list { "fe1", "fe2" }, version = 7 },
    ["sql:mgc.known"] = { reachable = true, count = 100250 },
    ["sql:mgc.kept"] = { reachable = false, reason = "the database is restoring" },
    ["sql:mgccomp.backlog"] = { reachable = false, reason = "the server does not answer" },
  }
end

-- What a live site does that nobody can foretell.
lab.unforeseen = { fork = "f2", count = 100248, reachable = true, rows = 2 }

local World = {}
World.__index = World

-- A played world over facts. `is_twin` leaves what cannot be known beforehand unknown, as the model
-- of a rehearsal does.
function lab.world(facts, is_twin)
  return setmetatable({ facts = facts or lab.facts(), is_twin = is_twin, changes = {}, notes = {},
    asked = {}, slept = 0, clock = 1000000, observed = {}, alone = {}, answers = {} }, World)
end

function World:believe(becomes)
  for resource, facts in pairs(becomes or {}) do
    self.facts[resource] = self.facts[resource] or {}
    for key, value in pairs(facts) do
      local unknown = type(value) == "table" and value["$unknown"]
      if unknown and not self.is_twin then
        value = lab.unforeseen[key]
      end
      self.facts[resource][key] = copy_deep(value)
    end
  end
end

function World:change(effect)
  self.changes[#self.changes + 1] = effect
  local play = self.play and self.play(effect, self)
  if play then
    return play
  end
  if not self.deaf then
    self:believe(effect.becomes)
  end
  return { outcome = "changed", result = self.result or {},
    facts = copy_deep(self.facts[effect.resource] or { state = "unknown" }) }
end

function World:answer(effect)
  if effect.op == "begin" then
    return true
  elseif effect.op == "undecided" then
    return effect.likely
  elseif effect.op == "observe" then
    self.observed[#self.observed + 1] = effect.resource
    self.alone[#self.alone + 1] = effect.alone and effect.resource
    return copy_deep(self.facts[effect.resource] or { state = "unknown" })
  elseif effect.op == "change" then
    return self:change(effect)
  elseif effect.op == "note" then
    self.notes[#self.notes + 1] = effect
  elseif effect.op == "sleep" then
    self.clock = self.clock + effect.ms
    self.slept = self.slept + 1
    if self.on_sleep then
      self.on_sleep(self)
    end
  elseif effect.op == "now" then
    return self.clock
  elseif effect.op == "reached" then
    return self.reached or { since = "2026-11-20T10:00:00.000Z", remaining_ms = 0,
      ["until"] = "2026-12-04T10:00:00.000Z" }
  elseif effect.op == "ask" then
    self.asked[#self.asked + 1] = effect
    return { answer = self.says or "yes", by = "ada" }
  else
    error("the played world has no answer to " .. tostring(effect.op), 0)
  end
  return true
end

function World:statements()
  local statements = {}
  for index, change in ipairs(self.changes) do
    statements[index] = change.statement
  end
  return statements
end

-- Loads a runbook text for the lab's site. `options`: site (false for none), set, mode.
function lab.load(source, options)
  options = options or {}
  local site = options.site
  if site == nil then
    site = lab.site()
  end
  return lab.host.load { path = "test.lua", source = source, site = site or nil,
    set = options.set or {}, mode = options.mode or "run" }
end

local header = 'runbook "test" { params = { pool = param.pool(), database = param.database() } }\n'
  .. "local db, chat = params.database, params.pool\n"

-- A runbook with `db` and `chat`, whose body begins in line 3.
function lab.body(body, options)
  return lab.load(header .. body, options)
end

-- The errors as texts "line: message | hint".
function lab.errors(loaded)
  local texts = host.list({})
  for index, each in ipairs(loaded.errors) do
    texts[index] = ("%d: %s%s"):format(each.line, each.message,
      each.hint and " | " .. each.hint or "")
  end
  return texts
end

function lab.perform(world, index, from, changed)
  return drive(function()
    return lab.host.perform { index = index, from = from, changed = changed }
  end, function(effect)
    return world:answer(effect)
  end)
end

-- Takes an item back, as lab.perform performs one.
function lab.take_back(world, args)
  return drive(function()
    return lab.host.take_back(args)
  end, function(effect)
    return world:answer(effect)
  end)
end

-- What it costs to take an item back.
function lab.caveats(world, args)
  return drive(function()
    return lab.host.caveats(args)
  end, function(effect)
    return world:answer(effect)
  end)
end

-- Performs every item until one does not let the run go on. Gives the outcomes and the last result.
function lab.run(world, loaded)
  local outcomes, result = host.list({}), nil
  for index in ipairs(loaded.runbook.items) do
    result = lab.perform(world, index)
    outcomes[index] = result.outcome
    if result.outcome ~= "kept" and result.outcome ~= "changed" and result.outcome ~= "skipped" then
      return outcomes, result
    end
  end
  return outcomes, result
end

-- Loads one step with the given body and performs it.
function lab.step(world, body, options)
  local loaded = lab.body('step "the step" {\n' .. body .. "\n}", options)
  expect.equal(lab.errors(loaded), host.list({}))
  return lab.perform(world, 1)
end

return lab
