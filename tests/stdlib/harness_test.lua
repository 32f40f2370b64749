-- The harness tested with itself.
local T = {}

T["equal values pass, lists and maps are told apart"] = function()
  expect.equal({ a = { 1, 2 }, b = "x" }, { b = "x", a = { 1, 2 } })
  expect.raises("differ", expect.equal, host.list({}), {})
  expect.raises("differ", expect.equal, { a = 1 }, { a = 1, b = 2 })
  expect.raises("differ", expect.equal, { a = { 1 } }, { a = { 2 } })
end

T["an error is expected by a part of its message"] = function()
  expect.raises("boom", error, "a boom came")
  expect.raises("no error", expect.raises, "boom", function() end)
  expect.raises("another error", expect.raises, "boom", error, "bang")
end

T["a task is driven and its effects answered"] = function()
  local seen = {}
  local result, second = drive(function()
    local a = host.yield({ op = "observe", resource = "r" })
    local b = host.yield({ op = "now" })
    return a.n + b, "two"
  end, function(effect)
    seen[#seen + 1] = effect.op
    return effect.op == "now" and 2 or { n = 40 }
  end)
  expect.equal({ result, second }, { 42, "two" })
  expect.equal(seen, { "observe", "now" })
end

T["answers may be a table by op"] = function()
  local got = drive(function()
    return host.yield({ op = "sleep", ms = 5 }) and host.yield({ op = "ask" }).answer
  end, { sleep = true, ask = function(effect) return { answer = effect.op } end })
  expect.equal(got, "ask")
  expect.raises("no answer is prepared", drive, function() host.yield({ op = "x" }) end, {})
end

T["an error inside a driven task comes out with its line"] = function()
  local message = expect.raises("inside", drive, function()
    error("inside")
  end, {})
  expect.truthy(message:find("harness_test.lua:%d+: inside"))
end

T["what cannot cross the border is refused both ways"] = function()
  expect.raises("not whole", drive, function() host.yield(1.5) end, {})
  expect.raises("a function", drive, function() host.yield({ op = "a" }) end,
    function() return { error } end)
end

return T
