-- Rooms of interp/ include only themselves and rooms to their left.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

local order = "base < os < value < {site sql logs pools mirrors journal} < vm < lib < run < cli"

local function allowed(from, to)
  return from == to or gate.rank[to] < gate.rank[from]
end

local function check_include(file, number, room, path)
  local other, name = path:match("^([%w_]+)/([%w_]+%.h)$")
  if not other then
    gate.complain(file.path, number, '"%s" does not name its room; write "room/file.h"', path)
  elseif not gate.rank[other] then
    gate.complain(file.path, number, "'%s' is not a room; the rooms are %s", other, order)
  elseif not allowed(room, other) then
    gate.complain(file.path, number, "%s must not include %s; pass what it needs in, or move " ..
      "the code to the right (%s)", room, other, order)
  elseif name:find("_int%.h$") and other ~= room then
    gate.complain(file.path, number, "'%s' is private to %s; use a public header of that room",
      path, other)
  elseif name:find("_int%.h$") and file.path:find("%.h$") and not file.path:find("_int%.h$") then
    gate.complain(file.path, number, "a public header must not include the private '%s'; " ..
      "declare the structure without its members", path)
  end
end

local function check_own_header(file, first)
  local own = file.path:match("^interp/(.*)%.c$")
  if own and gate.read("interp/" .. own .. ".h") and first ~= own .. ".h" then
    gate.complain(file.path, 1, 'the first include must be "%s.h"; that proves the header needs ' ..
      "nothing else", own)
  end
end

local function check_source(file)
  local room = file.path:match("^interp/([%w_]+)/")
  if not gate.rank[room] then
    gate.complain(file.path, 1, "'%s' is not a room; the rooms are %s", room or "?", order)
    return
  end
  local first
  for number, line in gate.lines(file.text) do
    local bracket, path = line:match('^%s*#%s*include%s+(["<])([^">]+)')
    first = first or path
    if bracket == '"' then
      check_include(file, number, room, path)
    end
  end
  check_own_header(file, first)
end

local function check_links(file)
  local room = file.path:match("^interp/([%w_]+)/")
  for number, line in gate.lines(file.text) do
    for other in (line:match("USES%s+([%l%s]+)") or ""):gmatch("%l+") do
      if gate.rank[room] and gate.rank[other] and not allowed(room, other) then
        gate.complain(file.path, number, "%s must not link %s (%s)", room, other, order)
      end
    end
  end
end

local sources = gate.files("^interp/[%w_]+/.*%.[ch]$")
for _, file in ipairs(sources) do
  check_source(file)
end
for _, file in ipairs(gate.files("^interp/[%w_]+/CMakeLists%.txt$")) do
  check_links(file)
end
gate.finish(#sources)
