-- A site with a user directory, and facts of the day before its users are moved.

local lab = require_module "lab"
local list = require "bascule/core/list"

local people = {}

local function members(noun)
  return {
    list = "list " .. noun, count = "count " .. noun, find = "find " .. noun .. " :name",
    move = host.list { "move " .. noun .. "  :name\nfrom :from to :to" },
  }
end

-- The site, normalised. `more` are further keys of the directory, false for those left out.
function people.site(more)
  local directory = {
    driver = "sql", server = "app", file = "d.db", path = "/site/app/d.db",
    legacy = "old", new = "p2", users = members "user",
    pilot = host.list { "ann", "o'brien" }, applications = { groups = members "group" },
    deployment = "deployment", talk = "talk", retire = "retire :pool",
    administration = "administration",
    services = { list = "services", start = "start :name", stop = "stop :name" },
    caveats = { meetings = "meetings", clients = "clients" },
    backup = { state = "backup", make = "make" },
  }
  directory.users.twice = "twice;"
  for key, value in pairs(more or {}) do
    directory[key] = value or nil
  end
  local site = lab.site()
  site.directories = { people = directory }
  return site
end

local function homes(legacy, new)
  return { state = "online", legacy = legacy, new = new, elsewhere = 0, total = legacy + new,
    twice = 0 }
end

function people.facts()
  local facts = {
    ["homes:people.users"] = homes(100, 10),
    ["homes:people.pilot"] = homes(2, 0),
    ["homes:people.groups"] = homes(3, 0),
    ["talk:people"] = { state = "fine", matrix = host.list { "legacy > new im: 1 delivered" } },
    ["caveats:people"] = { state = "known", meetings = 1, clients = 2,
      affected = host.list { "ann: meetings" } },
    ["backup:people"] = { state = "missing" },
  }
  facts["homes:people.pilot"].missing = 0
  facts["homes:people.pilot"].names = host.list { "ann", "o'brien" }
  for _, side in ipairs { "legacy", "new" } do
    facts["deployment:people." .. side] = { state = "deployed", replicated = true, store = side }
    facts["services:people." .. side] = { state = "running", not_running = host.list {} }
    facts["administration:people." .. side] = { state = "reachable", tool = "t" }
  end
  return facts
end

local header = 'runbook "test" { params = { directory = param.directory() } }\n'
  .. "local people = params.directory\n"

-- A runbook with `people`, whose body begins in line 3.
function people.body(body, more)
  return lab.load(header .. body, { site = people.site(more) })
end

-- The facts of a resource when each statement is answered as `answers` say: rows, or an error's
-- text. Gives the statements with their values too.
function people.observe(resource, answers, more)
  people.body('step "s" { warn "w" }', more)
  local asked = {}
  local facts = drive(function()
    return lab.host.observe { resource = resource }
  end, function(effect)
    asked[#asked + 1] = effect.args
    local answer = answers[effect.args.sql]
    local value
    if effect.row == "sql.each" and answer then
      value = host.list(list.map(effect.args.each, answer))
    else
      expect.equal(effect.row, "sql.query")
      answer = type(answer) == "function" and answer(effect.args.named) or answer
      value = type(answer) == "table" and { columns = host.list {}, rows = answer } or nil
    end
    return value and { ok = true, value = value } or { ok = false, error = { code = "unreachable",
      message = answer or "unexpected: " .. effect.args.sql } }
  end)
  return facts, asked
end

return people
