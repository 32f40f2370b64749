-- Mirrors on PostgreSQL: what is seen of them, and what is to be done.
local book = require "bascule/language/book"
local pg_mirror = require "bascule/platforms/pg_mirror"
local T = {}

local principal = { server = "sql3", id = "database:mgc.secondary", site = { database = "mgc" } }
local mirror = { server = "sql4", id = "database:mgc.secondary_mirror",
  site = { database = "mgc" } }

local function site(more)
  local server = { folder = "/srv/sql4", start = host.list {}, stop = host.list {} }
  for key, value in pairs(more or {}) do
    server[key] = value
  end
  book.site = { servers = { sql3 = { start = host.list {} }, sql4 = server } }
end

-- The facts of the link where the mirror says `at` and `receiver`, and the principal `senders` and
-- for whom it waits.
local function seen(given)
  return pg_mirror.observe({
    ask = function()
      return given.senders and { rows = given.senders }
    end,
    ask_row = function(copy, sql)
      if copy == principal then
        return given.names and { names = given.names }
      end
      return sql:find "pg_stat_wal_receiver" and given.receiver or nil
    end,
    row_of = function()
      return given.at, given.failure
    end,
    state_of = function()
      return given.state
    end,
    words_of = function(failure)
      return failure
    end,
  }, mirror, principal)
end

local at = { restoring = 1, streams = 1, lsn = 500 }
local receiver = { status = "streaming", sender = "/srv/sql3:5432", lsn = 500, known_lsn = 700,
  name = "sql4" }

T["a mirror follows whoever says that it streams to it"] = function()
  expect.equal(seen { at = at, receiver = receiver, names = "sql4",
    senders = { { "sql4 streaming sync", "sql4", 1, 1 }, { "x streaming async", "x", 1, 0 } } },
    { state = "following", principal = "sql3", synchronous = true, lsn = 500, lag = 200,
      agent = "sql4 streaming sync, x streaming async", waits_for = "sql4" })
  expect.equal(seen { at = at, receiver = receiver, names = "",
    senders = { { "sql4 streaming async", "sql4", 1, 0 } } }.synchronous, false)
end

T["one that streams from somebody else does not follow the principal"] = function()
  for _, senders in ipairs { { { "sql4 backup async", "sql4", 0, 0 } },
    { { "x streaming sync", "x", 1, 1 } }, {} } do
    local facts = seen { at = at, receiver = receiver, names = "", senders = senders }
    expect.equal({ facts.principal, facts.synchronous }, { "/srv/sql3:5432", false })
  end
  local facts = seen { at = at, receiver = receiver }
  expect.equal({ facts.principal, facts.waits_for }, { "/srv/sql3:5432", nil })
end

T["one that does not stream is stalled, and one that is no mirror is none"] = function()
  local facts = seen { at = at, receiver = { status = "waiting" }, names = "sql2" }
  expect.equal({ facts.state, facts.principal, facts.synchronous, facts.waits_for },
    { "stalled", "", false, "sql2" })
  expect.equal(seen { at = at }.state, "stalled")
  expect.equal(seen { at = { restoring = 0, streams = 1 } }.state, "none")
  expect.equal(seen { at = { restoring = 1, streams = 0 } }.state, "none")
end

T["a server that does not answer is broken, unless there is none"] = function()
  expect.equal(seen { failure = "refused", state = "unreachable", names = "sql4" },
    { state = "broken", agent = "refused" })
  expect.equal(seen { failure = "refused", state = "missing" },
    { state = "none", principal = "", synchronous = false, agent = "refused" })
end

-- Whether the server is missing, and the words, where the rows answer so.
local function missing(rows)
  local answer
  drive(function()
    answer = { pg_mirror.is_missing(mirror) }
  end, { call = function(effect)
    local value = rows[effect.row .. " " .. (effect.args.path or effect.args.argv[1])]
    return value and { ok = true, value = value }
      or { ok = false, error = { code = "io", message = "cannot look" } }
  end })
  return answer
end

T["a server is missing where its folder is empty or holds an unfinished mirror"] = function()
  site()
  local function folder(files, entries, parent)
    return { ["folder.list /srv/sql4"] = { files = host.list(files), entries = entries or #files,
      parent = parent ~= false } }
  end
  expect.equal(missing(folder {})[1], true)
  expect.equal(missing(folder({}, 0, false))[1], false)
  expect.equal(missing(folder({}, 1)), { false, "/srv/sql4 is not empty" })
  expect.equal(missing(folder { "3 PG_VERSION", "0 standby.signal" })[1], false)
  expect.equal(missing(folder { "50 bascule.installing", "0 standby.signal" }),
    { true, "/srv/sql4 holds a mirror whose installation has not ended" })
  expect.equal(missing(folder { "50 bascule.installing" })[1], false)
  expect.equal(missing {}, { false, "cannot look" })
  site { folder = false }
  expect.equal(missing {}, { false })
end

T["over ssh the folder is listed there"] = function()
  site { ssh = "db4" }
  local function listed(exit, out, err, around)
    return { ["command.probe env"] = { exit = exit, out = out, err = err },
      ["command.probe test"] = around and { exit = around } }
  end
  expect.equal(missing(listed(0, "", ""))[1], true)
  expect.equal(missing(listed(0, "letters\n", "")), { false, "/srv/sql4 is not empty" })
  expect.equal(missing(listed(0, "bascule.installing\nstandby.signal\n", ""))[1], true)
  expect.equal(missing(listed(2, "", "ls: No such file or directory\n", 0))[1], true)
  expect.equal(missing(listed(2, "", "ls: No such file or directory\n", 1))[1], false)
  expect.equal(missing(listed(2, "", "ls: Permission denied\n")),
    { false, "ls: Permission denied" })
  expect.equal(missing {}, { false, "cannot look" })
end

T["installing says where to and how it is started"] = function()
  site { ssh = "db4", start = host.list { "systemctl", "start", "db" } }
  local change, link = pg_mirror.install_mirror(principal, mirror)
  expect.equal(change.args, { principal = "sql3", mirror = "sql4", database = "mgc" })
  expect.equal(change.statement, "pg_basebackup of sql3 to /srv/sql4 on db4, with standby.signal "
    .. "and a primary_conninfo for sql4; start it (systemctl start db) and wait until it streams")
  expect.equal(link, { state = "following", principal = "sql3",
    synchronous = { ["$unknown"] = "bool" } })
  local _, asked = pg_mirror.install_mirror(principal, mirror, { state = "none" })
  expect.equal(asked.waits_for, { ["$unknown"] = "text" })
  site { folder = false }
  expect.raises("does not say in which folder server sql4", pg_mirror.install_mirror, principal,
    mirror)
end

T["a name that would be read as something else is quoted"] = function()
  site()
  for name, names in pairs { sql4 = "sql4", ["db-4"] = '"db-4"', first = '"first"',
    any = '"any"' } do
    local change, link = pg_mirror.follow(principal, { server = name })
    expect.equal({ change.args.names, link.waits_for, link.synchronous }, { names, names, true })
  end
end

T["taking back puts back whom commits waited for, and removes what was made"] = function()
  site()
  local parts = pg_mirror.take_back_mirror(principal, mirror, { state = "none",
    waits_for = "sql9" })
  expect.equal({ parts[1].args.names, parts[1].becomes.waits_for, parts[1].becomes.synchronous },
    { "sql9", "sql9", false })
  expect.equal(parts[2].args, { mirror = "sql4" })
  expect.equal(parts[2].becomes[mirror.id].state, "missing")
  expect.equal(#pg_mirror.take_back_mirror(principal, mirror, { state = "following",
    principal = "sql3", waits_for = "" }), 1)
end

T["nobody waits for a mirror that is removed"] = function()
  site()
  local parts = pg_mirror.take_back_mirror(principal, mirror, { state = "stalled",
    waits_for = "sql4" })
  expect.equal({ parts[1].args.names, parts[1].becomes.waits_for, #parts }, { nil, "", 2 })
end

return T
