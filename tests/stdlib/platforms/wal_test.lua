-- Which log files a standby on PostgreSQL needs, told from their names.
local wal = require "bascule/platforms/wal"
local T = {}

local mib = 1 << 20

local function lines(...)
  local result = {}
  for index, name in ipairs { ... } do
    result[index] = ("%d %s"):format(mib, name)
  end
  return result
end

local function at(lsn, timeline)
  return { timeline = timeline or 1, lsn = lsn, segment = mib }
end

local f26, f27, f28 = "000000010000000000000026", "000000010000000000000027",
  "000000010000000000000028"

T["an LSN is a number"] = function()
  expect.equal(wal.lsn("0/2600000"), 0x2600000)
  expect.equal(wal.lsn("12/A0"), 0x12000000A0)
  expect.equal(wal.lsn("nonsense"), nil)
end

T["a log file is named by timeline and LSN, whatever the segment size"] = function()
  expect.equal(wal.name(1, 0x2600000, mib), f26)
  expect.equal(wal.name(10, 0x12FF000000, 16 * mib), "0000000A00000012000000FF")
  expect.equal(wal.name(1, 0x12FFF00000, mib), "000000010000001200000FFF")
end

T["what follows the applied LSN is needed, in order, copied or not"] = function()
  local facts = wal.chain(at(0x2600000), lines("000000010000000000000025", f26, f27, f28),
    lines("000000010000000000000025", f26))
  expect.equal(facts.chain, {
    "39845888 40894464 1048576 - - copied " .. f26,
    "40894464 41943040 1048576 - - missing " .. f27,
    "41943040 42991616 1048576 - - missing " .. f28,
  })
  expect.equal(facts.copied_lsn, 0x2700000)
  expect.equal(facts.last_lsn, 0x2900000)
  expect.equal(facts.pending_bytes, 2 * mib)
  expect.equal(facts.problem, "none")
end

T["a log file that is applied in part is needed still"] = function()
  local facts = wal.chain(at(0x2600100), lines(f26), lines())
  expect.equal(facts.chain, { "39845888 40894464 1048576 - - missing " .. f26 })
  expect.equal(facts.copied_lsn, 0x2600100)
end

T["one that was copied in part is copied again"] = function()
  local facts = wal.chain(at(0x2600000), lines(f26), { "4096 " .. f26 })
  expect.equal(facts.chain, { "39845888 40894464 1048576 - - missing " .. f26 })
  expect.equal(facts.problem, "none")
end

T["so is one that is worse than that of the share, and nothing behind it counts"] = function()
  local facts = wal.chain(at(0x2600100), lines(f26, f27), lines(f26, f27), {}, { [f26] = true })
  expect.equal(facts.chain, {
    "39845888 40894464 1048576 - - differs " .. f26,
    "40894464 41943040 1048576 - - copied " .. f27,
  })
  expect.equal(facts.copied_lsn, 0x2600100)
  expect.equal(facts.pending_bytes, mib)
end

T["whole log files of both folders that are yet to be read are compared"] = function()
  expect.equal(wal.pairs(at(0x2600100), lines("000000010000000000000025", f26, f27, f28,
    "000000020000000000000026", "00000002.history"), { mib .. " " .. f26, "7 " .. f27,
    mib .. " 000000020000000000000026", mib .. " 000000010000000000000025" }), { f26 })
end

T["nothing is needed where nothing is new"] = function()
  local facts = wal.chain(at(0x2700000), lines(f26), lines(f26))
  expect.equal(#facts.chain, 0)
  expect.equal(facts.last_lsn, 0x2700000)
  expect.equal(facts.copied_lsn, 0x2700000)
  expect.equal(facts.problem, "none")
end

T["a missing log file is a gap, named with what follows it"] = function()
  local facts = wal.chain(at(0x2600000), lines(f26, f28), lines())
  expect.equal(facts.problem, "gap")
  expect.equal(facts.problem_text, f27 .. " is missing (LSN 40894464–41943040), but " .. f28
    .. " (LSN 41943040–42991616) is there")
  expect.equal(facts.last_lsn, 0x2700000)
end

T["a log file of another length is damaged"] = function()
  local facts = wal.chain(at(0x2600000), { "1048000 " .. f26 }, lines())
  expect.equal(facts.problem, "damaged")
  expect.equal(facts.problem_text, f26 .. " has 1,048,000 bytes instead of 1,048,576")
end

T["a later timeline that covers what is needed is a foreign fork"] = function()
  local facts = wal.chain(at(0x2600000), lines(f26, "000000020000000000000027"), lines())
  expect.equal(facts.problem, "foreign_fork")
  expect.equal(facts.problem_text, "000000020000000000000027 (LSN 40894464–41943040) is of "
    .. "timeline 2, but the copy is on timeline 1")
end

T["an earlier timeline is over and done"] = function()
  local facts = wal.chain(at(0x2700000, 2), lines(f26, f27), lines())
  expect.equal(#facts.chain, 0)
  expect.equal(facts.problem, "none")
end

T["the walk goes on from one half of the LSN to the next"] = function()
  local facts = wal.chain(at(0xFFF00000), lines("000000010000000000000FFF",
    "000000010000000100000000"), lines())
  expect.equal(#facts.chain, 2)
  expect.equal(facts.last_lsn, 0x100100000)
end

T["other files are left out, each with its reason"] = function()
  local facts = wal.chain(at(0x2600000), lines(f26, "00000002.history", f27 .. ".partial",
    f26 .. ".00000028.backup", "notes.txt", "00000001000000000000FFFF"), lines())
  expect.equal(facts.ignored, {
    f26 .. ".00000028.backup: label of a base backup",
    f27 .. ".partial: beginning of a log file, left by a primary when its successor took over",
    "00000001000000000000FFFF: not a log file",
    "00000002.history: history of a timeline",
    "notes.txt: not a log file",
  })
end

T["a share that cannot be read leaves what was copied"] = function()
  local facts = wal.chain(at(0x2600000), nil, lines(f26))
  expect.equal(facts.chain, { "39845888 40894464 1048576 - - copied " .. f26 })
end

T["histories of later timelines are told, and whether they were copied"] = function()
  expect.equal(wal.histories(2, { "41 00000002.history", "42 00000003.history",
    "43 0000000B.history" }, { "42 00000003.history", "7 0000000B.history" }), {
    { file = "00000003.history", timeline = 3, bytes = 42, copied = true },
    { file = "0000000B.history", timeline = 11, bytes = 43, copied = false },
  })
  expect.equal(#wal.histories(1, nil, { "42 00000003.history" }), 1)
end

T["the next timeline is the first number of which there is no history"] = function()
  local function line(name)
    return "0 0 41 - - copied " .. name
  end
  expect.equal(wal.next_timeline(1, {}), 2)
  expect.equal(wal.next_timeline(1, { line "00000002.history", line "00000003.history" }), 4)
  expect.equal(wal.next_timeline(1, { line "00000003.history", line(f26) }), 2)
end

return T
