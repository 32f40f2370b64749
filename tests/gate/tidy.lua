-- Nothing unfinished, nothing from one person's machine, nothing but the known names on top.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

-- In two pieces, so that this file does not find itself.
local markers = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "HA" .. "CK" }
local machine_paths = { "/ro" .. "ot/", "/wo" .. "rk/", "/ho" .. "me/%w", "/Us" .. "ers/%w",
  "/tmp/b" .. "%-" }

local top = { ["CMakeLists.txt"] = true, interp = true, stdlib = true, runbooks = true,
  tests = true, docs = true, ["README.md"] = true }

local function check_top(path)
  local name = path:match("^[^/]+")
  if not top[name] and name:sub(1, 1) ~= "." then
    gate.complain(path, 1, "'%s' is not one of the names of the top level; put it into interp, " ..
      "stdlib, runbooks, tests or docs", name)
  end
end

local function check_line(file, number, line)
  for _, marker in ipairs(markers) do
    if line:find("%f[%w_]" .. marker .. "%f[^%w_]") then
      gate.complain(file.path, number, "%s: do it now, or leave the remark out", marker)
    end
  end
  for _, path in ipairs(machine_paths) do
    if line:find("%f[%w/.~$}]" .. path) then
      gate.complain(file.path, number, "a path of one machine; make it relative or a parameter")
    end
  end
  if line:find("%s$") then
    gate.complain(file.path, number, "blanks at the end of the line; remove them")
  end
end

local files = gate.files(".")
for _, file in ipairs(files) do
  check_top(file.path)
  if not file.text:find("\0", 1, true) then
    for number, line in gate.lines(file.text) do
      check_line(file, number, line)
    end
    if file.text ~= "" and file.text:sub(-1) ~= "\n" then
      gate.complain(file.path, 1, "the last line has no end; add it")
    end
  end
end
gate.finish(#files)
