-- The comparison of pages must be able to fail.
package.path = arg[1] .. "/?.lua;" .. package.path
local blocks = require "blocks"

local function block(text, info)
  return blocks.read("```" .. (info or "text") .. "\n" .. text .. "\n```")[1]
end

local function expect(wanted, shown, output, info)
  local got = blocks.matches(block(shown, info), output)
  if got ~= wanted then
    error(("%q against %q: %s"):format(shown, output, tostring(got)), 2)
  end
end

expect(true, "a b", "a\n   b\n")
expect(false, "a b", "a c")
expect(false, "a b", "a b c")
expect(false, "b", "a b")
expect(false, "a b", "a")
expect(true, "LSN 12 of 3", "LSN 7 of 200")
expect(false, "LSN 12 of 3", "LSN 7 of many")
expect(false, "1 change", "2 change", "text exact")
expect(true, "1 change", "1 change", "text exact")
expect(true, "a … d", "a b c d")
expect(false, "a … d", "a b c d e")
expect(true, "a\n…\nd\n…", "a b c d e")
expect(true, "…\nd", "a b c d")
expect(false, "…\nd", "a b c")
expect(false, "a … c … b", "a b c")
expect(true, "digest …", "digest 0af3")
expect(true, "…", "anything")
expect(true, "", "")
expect(false, "", "something")

local read = blocks.read("text\n```sh exit=3\nls \\\n  -l\n# no\n\ntrue\n```\n" ..
  "```lua file=a.lua\nx\n```\n")
assert(#read == 2 and read[1].exit == 3 and read[1].line == 2 and read[2].file == "a.lua")
local commands = blocks.commands(read[1])
assert(#commands == 2 and commands[1] == "ls   -l" and commands[2] == "true")
assert(not pcall(blocks.read, "```sh\nls\n"))
