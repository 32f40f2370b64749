-- Lua is read by luacheck, with the globals that .luacheckrc names.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

gate.need_tool("luacheck")

local files = gate.files("^stdlib/.*%.lua$", "^runbooks/.*%.lua$", "^tests/.*%.lua$")
local names = {}
for i, file in ipairs(files) do
  names[i] = gate.quote(file.path)
end
if not gate.read(".luacheckrc") then
  gate.complain(".luacheckrc", 0, "is missing; without it luacheck knows no globals")
elseif #names > 0 then
  local command = "cd %s && luacheck --codes --no-color --formatter plain %s"
  command = command:format(gate.quote(gate.root), table.concat(names, " "))
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    local path, number, what = line:match("^([^:]+):(%d+):%d+: (.*)$")
    if path then
      gate.complain(path, tonumber(number), "%s; mend it, or extend .luacheckrc", what)
    end
  end
  if not pipe:close() then
    gate.complain(".luacheckrc", 0, "luacheck is not content; see above")
  end
end
gate.finish(#files)
