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
    "test -e /copied/%f && cp /copied/%f %p", 'cp "/copied/%f %p', 'cp /copied/%f" %p',
    "test -e /other/%f && " .. plain .. " # while log files are handed over" } do
    expect.equal(haste.ways(command), nil)
    expect.equal(haste.plain(command), nil)
  end
  for _, unknown in ipairs { false, { ["$unknown"] = "text" } } do
    expect.equal(haste.ways(unknown or nil), nil)
    expect.equal(haste.plain(unknown or nil), nil)
  end
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
  options.site = options.site or standby_site.straight()
  return lab.step(world, body or "log_backups.apply(db.secondary)", options), world
end

local waits = "wait until sql3 has replayed its log up to LSN 40000000"
local meanwhile = "; until the last file is under way, its restore_command may be one that looks "
  .. "for a file before it copies it (ALTER SYSTEM)"

T["waiting for it says so, and which command that is goes beside the plan"] = function()
  local result, world = play(plain, 40000000)
  expect.equal(result.outcome, "changed")
  expect.equal(#world.changes, 1)
  expect.equal(world.changes[1].statement, waits .. meanwhile)
  expect.equal(world.changes[1].bound, { plain = plain, quick = quick })
end

T["what is planned is the same whatever it fetches log files with by then"] = function()
  for _, command in ipairs { plain, quick, "cp /elsewhere/%f %p", false } do
    local _, world = play(command or nil, 40000000)
    expect.equal(#world.changes, 1)
    expect.equal(world.changes[1].statement, waits .. meanwhile)
    expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", lsn = 40000000 })
  end
  local _, world = play(quick, 40000000)
  expect.equal(world.changes[1].bound, { plain = plain, quick = quick })
  _, world = play(nil, 40000000)
  expect.equal(world.changes[1].bound, nil)
end

T["without files in its pg_wal there is nothing to be said, nor to be put right"] = function()
  local _, world = play(nil, 40000000, nil, { site = standby_site.site() })
  expect.equal(world.changes[1].statement, waits)
  expect.equal(world.changes[1].undo, nil)
end

T["what somebody has left behind is given up where nothing is left to apply"] = function()
  local result, world = play(quick, 39845888)
  expect.equal(result.outcome, "changed")
  expect.equal(#world.changes, 1)
  expect.equal(world.changes[1].row, "standby.reset")
  expect.equal(world.changes[1].args, { server = "sql3", database = "mgc", name = "restore_command",
    value = quick })
  expect.equal(world.facts[secondary].restore_command, { ["$unknown"] = "text" })
  expect.equal(play(plain, 39845888).outcome, "kept")
end

T["whoever goes back gives it up, where it is still there"] = function()
  local _, world = play(plain, 40000000)
  local undo = { index = 1, action = 1, undo = world.changes[1].undo }
  world.facts[secondary].restore_command = quick
  lab.take_back(world, undo)
  expect.equal(world.changes[2].row, "standby.reset")
  world.facts[secondary].restore_command = plain
  local result = lab.take_back(world, undo)
  expect.equal(result.outcome, "skipped")
  expect.equal(result.reason, "the secondary of mgc on sql3 (mgc) fetches log backups as before")
end

return T
