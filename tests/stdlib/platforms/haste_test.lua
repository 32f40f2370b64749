-- How a standby fetches log files while they are handed over.
local lab = require_module "lab"
local haste = require "bascule/platforms/haste"
local standby_site = require_module "standby_site"
local T = {}

local plain = "cp /copied/%f %p"
local quick = "test -e /copied/%f && cp /copied/%f %p # while log files are handed over"
local secondary, backups = "database:mgc.secondary", "log_backups:mgc.secondary"

T["a plain cp looks for the file before it copies it, and is known again"] = function()
  for _, command in ipairs { plain, 'cp "/my_copies/%f" "%p"', "cp a-b/%f %p 2>/dev/null" } do
    local was, becomes = haste.ways(command)
    expect.equal(was, command)
    expect.equal(haste.plain(becomes), command)
    local again, the_same = haste.ways(becomes)
    expect.equal(again, command)
    expect.equal(the_same, becomes)
  end
  local _, becomes = haste.ways(plain)
  expect.equal(becomes, quick)
end

T["any other command stays as it is"] = function()
  for _, command in ipairs { "", "cp /copied/%f %p || fetch %f %p", "cp $HOME/%f %p", "cp %f",
    "scp host:/copied/%f %p", "cp /copied/%f; cp /other/%f %p", "cp '/a b/%f' %p",
    "test -e /copied/%f && cp /copied/%f %p" } do
    expect.equal(haste.ways(command), nil)
    expect.equal(haste.plain(command), nil)
  end
  expect.equal(haste.ways(nil), nil)
end

local function play(command, copied, body, options)
  local all = lab.facts()
  all[secondary] = { state = "standby", writable = false, database_id = "77", fork = "timeline 1",
    lsn = 39845888, time = "2026-11-21T10:00:00.000Z", sessions = 0, session_list = host.list {},
    log_shipping = "none", log_shipping_job = "", restore_command = command }
  local is_due = copied > 39845888
  all[backups] = { share_readable = true, free_bytes = 1 << 30,
    chain = host.list(is_due and { "39845888 40894464 1048576 - - copied 000000010000000000000026" }
      or {}),
    applied_lsn = 39845888, applied_time = "2026-11-21T10:00:00.000Z", copied_lsn = copied,
    last_lsn = copied, last_time = "2026-11-21T10:01:00.000Z", pending_bytes = 0,
    problem = "none", problem_text = "", ignored = host.list {} }
  local world = lab.world(all, true)
  options = options or {}
  options.site = standby_site.straight()
  return lab.step(world, body or "log_backups.apply(db.secondary)", options), world
end

T["waiting for it says so, and what it has meanwhile"] = function()
  local result, world = play(plain, 40000000)
  expect.equal(result.outcome, "changed")
  expect.equal(#world.changes, 1)
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", lsn = 40000000,
    plain = plain, quick = quick })
  expect.equal(world.changes[1].statement, "wait until sql3 has replayed its log up to LSN 40000000"
    .. "; while files are left: restore_command = '" .. quick .. "'")
end

T["what somebody has left behind is put back, even where nothing is left to apply"] = function()
  local result, world = play(quick, 39845888)
  expect.equal(result.outcome, "changed")
  expect.equal(world.changes[1].row, "standby.put_back")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", name = "restore_command",
    value = plain })
  expect.equal(world.facts[secondary].restore_command, plain)
  expect.equal(play(plain, 39845888).outcome, "kept")
end

T["it is put back first, and then it is as of any other"] = function()
  local _, world = play(quick, 40000000)
  expect.equal(#world.changes, 2)
  expect.equal(world.changes[1].row, "standby.put_back")
  expect.equal(world.changes[2].row, "standby.replay")
  expect.equal(world.changes[2].args.plain, plain)
end

return T
