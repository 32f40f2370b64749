-- No room keeps mutable state at file scope. `state.lua ROOT LIBRARY…` reads the symbols of the
-- rooms' libraries.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

gate.need_tool("nm")

-- { ["symbol"] = "why there can be only one of it in a process" }
local allowed = {}

-- Constants that hold addresses are written once by the loader and then sealed.
local function writable(section)
  return (section:find("^%.data") or section:find("^%.bss") or section:find("^%.t?data") or
    section:find("^%.tbss") or section:find("COM")) and not section:find("^%.data%.rel%.ro")
end

local function strip_root(place)
  local root = gate.root:gsub("/*$", "/")
  return place:sub(1, #root) == root and place:sub(#root + 1) or place
end

local function check_symbol(member, line)
  local column = "%s*|[^|]*|%s*(%a)%s*|[^|]*|[^|]*|[^|]*|%s*(%S+)"
  local name, class, section = line:match("^(%S+)" .. column)
  if not name or class == "U" or not writable(section) or allowed[name] then
    return
  end
  local file, number = line:match("%s(/%S+):(%d+)%s*$")
  gate.complain(file and strip_root(file) or member, tonumber(number or 0),
    "'%s' is mutable state of the whole process; put it into the structure that owns it, or " ..
      "make it const", name)
end

local looked = 0
for i = 2, #arg do
  local member = arg[i]
  local lines = gate.lines_of("nm -l --format=sysv " .. gate.quote(arg[i]) .. " 2>/dev/null")
  if not lines then
    gate.complain(arg[i], 0, "cannot be read; build it first")
  end
  for _, line in ipairs(lines or {}) do
    member = line:match("^Symbols from .-%[(.-)%]:") or member
    looked = looked + 1
    check_symbol(member, line)
  end
end
gate.finish(looked)
