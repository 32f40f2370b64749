-- C is laid out by clang-format, and by nobody's taste.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

gate.need_tool("clang-format")

local files = gate.files("^interp/.*%.[ch]$", "^tests/.*%.[ch]$")
local names, seen = {}, {}
for i, file in ipairs(files) do
  names[i] = gate.quote(file.path)
end
if #names > 0 then
  local command = "cd %s && clang-format --dry-run -Werror %s 2>&1"
  command = command:format(gate.quote(gate.root), table.concat(names, " "))
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    local path, number = line:match("^([^:]+):(%d+):%d+: error:")
    if path then
      if not seen[path] then
        gate.complain(path, tonumber(number), "from here on not as clang-format lays it out; " ..
          "run clang-format -i %s", path)
      end
      seen[path] = true
    end
  end
  if not pipe:close() then
    gate.complain(".clang-format", 0, "clang-format failed; run it on the files above")
  end
end
gate.finish(#files)
