-- Questions to the operator in the middle of a step.

local line = require "bascule/language/line"
local primitive = require "bascule/primitive"

-- Asks a question that can be answered with yes or no; no ends the run here.
local ask = primitive.shipped {
  name = "ask",
  doc = "Asks the operator; the run goes on after yes.",
  args = { { "question", "text", doc = "what is asked" } },
  usage = 'ask "Are the front ends stopped?"',
  read_only = true,
  check = function(a)
    return line.check("a question", a.question)
  end,
  resource = function()
    return "command:operator"
  end,
  performs = function(a, effects)
    local answer = effects.ask(a.question, {})
    if answer.answer == "yes" then
      return "kept", answer.by and "answered yes by " .. answer.by or nil
    end
    return "refused", ("%s: answered no%s"):format(a.question,
      answer.by and " by " .. answer.by or "")
  end,
}

-- Says something to the operator, and in the journal and the report.
local warn = primitive.shipped {
  name = "warn",
  doc = "Tells the operator something important.",
  args = { { "text", "text", doc = "what is told" } },
  usage = 'warn "…"',
  read_only = true,
  resource = function()
    return "command:operator"
  end,
  performs = function(a, effects)
    effects.note("warning", a.text)
    return "kept"
  end,
}

return { { name = "ask", value = ask }, { name = "warn", value = warn } }
