-- Each foreign library is seen by one room (Lua by two), and never through a public header.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

local rooms_of = {
  ["uv.h"] = "os",
  ["jansson.h"] = "value",
  ["yaml.h"] = "value",
  ["sodium.h"] = "value",
  ["openssl/sha.h"] = "value",
  ["sql.h"] = "sql",
  ["sqlext.h"] = "sql",
  ["sqltypes.h"] = "sql",
  ["sqlucode.h"] = "sql",
  ["odbcinst.h"] = "sql",
  ["sqlite3.h"] = "logs",
  ["lua.h"] = "vm lib",
  ["lauxlib.h"] = "vm lib",
  ["lualib.h"] = "vm lib",
  ["curl/curl.h"] = "journal",
}

-- What belongs to the C library and the kernel; everything else has to be given to a room above.
local system = {}
for name in ([[
  assert ctype dirent dlfcn errno fcntl fenv float fnmatch ftw getopt glob grp inttypes iso646
  langinfo libgen limits locale malloc math netdb poll pthread pwd regex sched search semaphore
  setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn
  string strings syslog termios threads time uchar ucontext unistd wchar wctype
]]):gmatch("%S+") do
  system[name .. ".h"] = true
end

-- The compiler's doors to instructions of the processor.
local cpu = { ["cpuid.h"] = true, ["immintrin.h"] = true, ["arm_neon.h"] = true }

local function is_system(header)
  return system[header] or cpu[header] or header:find("^sys/") or header:find("^linux/") or
    header:find("^netinet/") or header:find("^arpa/") or header:find("^net/")
end

local function check(file, number, room, header)
  local rooms = rooms_of[header]
  if not rooms then
    if not is_system(header) then
      gate.complain(file.path, number, "<%s> is not known; give the library to one room in " ..
        "tests/gate/foreign.lua", header)
    end
    return
  end
  if not (" " .. rooms .. " "):find(" " .. room .. " ", 1, true) then
    gate.complain(file.path, number, "<%s> is seen by %s only; call that room instead", header,
      (rooms:gsub(" ", " and ")))
  elseif file.path:find("%.h$") and not file.path:find("_int%.h$") then
    gate.complain(file.path, number, "<%s> in a public header; include it in the .c or in a " ..
      "private *_int.h and declare the structure without its members", header)
  end
end

local sources = gate.files("^interp/.*%.[ch]$")
for _, file in ipairs(sources) do
  local room = file.path:match("^interp/([%w_]+)/") or ""
  for number, line in gate.lines(file.text) do
    local header = line:match('^%s*#%s*include%s+[<"]([^">]+)')
    local quoted = line:find('^%s*#%s*include%s+"')
    if header and (not quoted or rooms_of[header]) then
      check(file, number, room, header)
    end
  end
end
gate.finish(#sources)
