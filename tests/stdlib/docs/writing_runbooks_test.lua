-- The examples of docs/writing-runbooks.md, taken from its own text.
local lab = require_module "lab"
local T = {}

local page = host.module "writing_runbooks"

-- The fenced blocks with this opening, for example "lua body".
local function blocks(opening)
  local found = {}
  for kind, text in page:gmatch("\n```([^\n]*)\n(.-)\n```") do
    if kind == opening then
      found[#found + 1] = text .. "\n"
    end
  end
  expect.truthy(#found > 0, "no block " .. opening)
  return found
end

T["every whole runbook loads without a mistake"] = function()
  for _, text in ipairs(blocks "lua") do
    expect.equal(lab.errors(lab.load(text)), host.list {})
  end
end

T["every part of a runbook loads without a mistake"] = function()
  for _, text in ipairs(blocks "lua body") do
    expect.equal(lab.errors(lab.body(text)), host.list {})
  end
end

T["the primitive of the page is the one that the tests use"] = function()
  expect.equal(blocks("lua greet")[1], (host.module "greet"))
end

T["what check tells is what the page shows"] = function()
  local loaded = lab.host.load { path = "wrong.lua", source = blocks("lua wrong")[1],
    site = lab.site(), set = {}, mode = "check" }
  local lines = {}
  for _, each in ipairs(loaded.errors) do
    lines[#lines + 1] = ("%s:%d: %s\n    %s\n    %s\n"):format(each.file, each.line, each.message,
      each.text, each.hint)
  end
  expect.equal(table.concat(lines), blocks("text wrong")[1])
end

T["every primitive that is shipped is on the page"] = function()
  for _, each in ipairs(lab.host.primitives()) do
    expect.truthy(page:find(each.name, 1, true), each.name .. " is not on the page")
  end
end

return T
