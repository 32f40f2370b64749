-- Waiting for a condition to come true.

local cond = require "bascule/core/cond"
local primitive = require "bascule/primitive"
local text = require "bascule/core/text"

-- Looks again and again until the condition is true or the time is over. Changes nothing.
local wait_until = primitive.shipped {
  name = "wait_until",
  doc = "Waits until a condition is true.",
  args = {
    { "condition", "condition", doc = "what to wait for" },
    { "timeout", "duration", default = "30s", doc = "how long at most" },
    { "every", "duration", default = "500ms", doc = "how often to look" },
    { "go_on", "boolean", optional = true,
      doc = "true: when the time is over the step is skipped, and the run goes on" },
  },
  usage = 'wait_until { db.secondary:is "online", timeout = "30s" }',
  read_only = true,
  resource = function(a)
    return cond.resource(a.condition)
  end,
  performs = function(a, effects, observe)
    local ends = effects.now() + a.timeout
    while true do
      local ok, reason = cond.check(a.condition, observe)
      if ok then
        return "kept"
      end
      local left = ends - effects.now()
      if left <= 0 then
        return a.go_on and "skipped" or "timeout",
          ("not within %s: %s"):format(text.duration(a.timeout), reason)
      end
      effects.sleep(math.max(1, math.min(a.every, left)), cond.words(a.condition))
    end
  end,
}

return { { name = "wait_until", value = wait_until } }
