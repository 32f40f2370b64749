-- Shows that a gate can fail: each must pass a small good tree and reject each bad one, naming the
-- place. Called as `self_test.lua GATE [COMPILER]`.
local here = arg[0]:gsub("[^/]*$", "")
local name, compiler = arg[1], arg[2] or "cc"

local own = '#include "value/a.h"\n'
local long_body = ("    a();\n"):rep(70)
-- In two pieces, so that the gates do not find them here.
local unfinished = "TO" .. "DO"

-- Each bad tree: the files that differ from the good one, and what the gate has to say.
local cases = {
  rooms = {
    { { ["interp/value/a.c"] = own .. '#include "sql/b.h"\n' },
      "interp/value/a.c:2: value must not include sql" },
    { { ["interp/sql/a.c"] = '#include "logs/b.h"\n' }, "interp/sql/a.c:1: sql must not include" },
    { { ["interp/value/a.c"] = own .. '#include "b.h"\n' }, "interp/value/a.c:2: .*room/file.h" },
    { { ["interp/value/a.c"] = own .. '#include "attic/b.h"\n' }, "a.c:2: 'attic' is not a room" },
    { { ["interp/value/a.c"] = '#include "base/err.h"\n' .. own }, "a.c:1: the first include" },
    { { ["interp/value/a.c"] = own .. '#include "os/b_int.h"\n' }, "a.c:2: .* private to os" },
    { { ["interp/value/a.h"] = '#include "value/b_int.h"\n' }, "a.h:1: a public header" },
    { { ["interp/value/CMakeLists.txt"] = "bsc_room(value\n  USES base vm)\n" },
      "CMakeLists.txt:2: value must not link vm" },
    { { ["interp/attic/a.c"] = "\n" }, "interp/attic/a.c:1: 'attic' is not a room" },
  },
  foreign = {
    { { ["interp/value/a.c"] = own .. "#include <uv.h>\n" }, "a.c:2: <uv.h> is seen by os only" },
    { { ["interp/lib/a.c"] = "#include <sqlite3.h>\n" }, "lib/a.c:1: <sqlite3.h> is seen by logs" },
    { { ["interp/value/a.h"] = "#include <jansson.h>\n" }, "a.h:1: <jansson.h> in a public" },
    { { ["interp/value/a.c"] = own .. "#include <zlib.h>\n" }, "a.c:2: <zlib.h> is not known" },
    { { ["interp/value/a.c"] = own .. '#include "lua.h"\n' }, "a.c:2: <lua.h> is seen by vm and" },
  },
  banned = {
    { { ["interp/value/a.c"] = own .. "void f(void)\n{\n    strcpy(a, b);\n}\n" },
      "a.c:4: strcpy%(%) is not called here; use bsc_buf" },
    { { ["tests/unit/a.c"] = "int a = atoi (b);\n" }, "a.c:1: atoi%(%) .*bsc_num_parse" },
    { { ["interp/sql/a.c"] = "int a = open(b, 0);\n" }, "a.c:1: open%(%) .*struct bsc_sys" },
    { { ["interp/sql/a.c"] = "int a = write(1, b, 2);\n" }, "a.c:1: write%(%) is not" },
    { { ["interp/sql/a.c"] = "/* x */ int a = rename(b, c);\n" }, "a.c:1: rename%(%) is not" },
  },
  sizes = {
    { { ["interp/value/a.c"] = own .. "void f(void)\n{\n" .. long_body .. "}\n" },
      "a.c:2: the function has 73 lines" },
    { { ["stdlib/a.lua"] = "local function f()\n" .. ("  a()\n"):rep(69) .. "end\n" },
      "a.lua:1: the function has 71 lines" },
    { { ["interp/value/a.c"] = own .. ("int a;\n"):rep(600) }, "a.c:601: the file has 601 lines" },
    { { ["interp/value/a.c"] = own .. "/* " .. ("x"):rep(95) .. " */\n" },
      "a.c:2: the line has 101" },
  },
  tidy = {
    { { ["interp/value/a.c"] = own .. "/* " .. unfinished .. ": later */\n" },
      "a.c:2: " .. unfinished },
    { { ["docs/a.md"] = "See /ro" .. "ot/x.\n" }, "a.md:1: a path of one machine" },
    { { ["docs/a.md"] = "See /ho" .. "me/ann/x.\n" }, "a.md:1: a path of one machine" },
    { { ["notes.txt"] = "x\n" }, "notes.txt:1: 'notes.txt' is not one of the names" },
    { { ["tools/a.c"] = "\n" }, "tools/a.c:1: 'tools' is not one of the names" },
    { { ["docs/a.md"] = "x \n" }, "a.md:1: blanks at the end" },
    { { ["docs/a.md"] = "x" }, "a.md:1: the last line has no end" },
  },
  state = {
    { { ["interp/value/a.c"] = "int count;\n" }, "'count' is mutable state" },
    { { ["interp/value/a.c"] = "int f(void);\nint f(void)\n{\n    static int n = 1;\n" ..
      "    return n++;\n}\n" }, "a.c:%d+: 'n.*' is mutable state" },
    { { ["interp/value/a.c"] = "_Thread_local int mine;\n" }, "'mine' is mutable state" },
  },
  format = {
    { { ["interp/value/a.c"] = own .. "int   a;\n" },
      "a.c:2: .*clang%-format %-i interp/value/a.c" },
  },
  luacheck = {
    { { ["stdlib/a.lua"] = "leak = 1\n" }, "stdlib/a.lua:1: .*leak" },
    { { ["runbooks/a.lua"] = 'guird "x" {}\n' }, "runbooks/a.lua:1: .*guird" },
    { { ["stdlib/a.lua"] = 'step "x" {}\n' }, "stdlib/a.lua:1: .*step" },
  },
}

local good = {
  ["interp/value/a.c"] = own .. "\nint f(int a)\n{\n    return a; /* not sprintf(a) */\n}\n",
  ["interp/value/a.h"] = '#include "base/err.h"\n#include <stddef.h>\n\nint f(int a);\n',
  ["interp/value/CMakeLists.txt"] = "bsc_room(value\n  SOURCES a.c\n  USES base os)\n",
  ["interp/base/err.h"] = "#include <stdbool.h>\n",
  ["interp/sql/b.h"] = "\n",
  ["interp/os/c.c"] = '#include "base/err.h"\n#include <uv.h>\nint f(int a)\n{\n' ..
    "    return sys->open(a) + close(a) + fsync(a);\n}\n",
  ["stdlib/a.lua"] = "local M = {}\n\nreturn M\n",
  ["runbooks/a.lua"] = 'step "x" { log_backups.apply(database.secondary) }\n',
  ["docs/a.md"] = "A page with a path/root/of its own.\n",
  [".editorconfig"] = "root = true\n",
}
if name == "format" then
  good["interp/os/c.c"] = nil
end

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read("a")
  local _, _, status = pipe:close()
  return output, status or 0
end

local function write(path, text)
  assert(os.execute("mkdir -p '" .. path:gsub("/[^/]*$", "") .. "'"))
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function make_tree(changed)
  local root = run("mktemp -d"):gsub("%s+$", "")
  for path, text in pairs(good) do
    write(root .. "/" .. path, changed[path] or text)
  end
  for path, text in pairs(changed) do
    write(root .. "/" .. path, text)
  end
  for _, settings in ipairs({ ".clang-format", ".luacheckrc" }) do
    os.execute(("cp '%s../../%s' '%s/'"):format(here, settings, root))
  end
  return root
end

-- The state gate looks at libraries; they are made of the tree's own file.
local function arguments(root, changed)
  if name ~= "state" then
    return ""
  end
  local source = changed["interp/value/a.c"] or "const int fixed = 1;\n" ..
    'static const char *const names[] = {"a"};\nconst char *const *f(void);\n' ..
    "const char *const *f(void)\n{\n    return names;\n}\n"
  write(root .. "/interp/value/a.c", source)
  local command = "cd '%s' && %s -g -fPIC -c '%s/interp/value/a.c' -o a.o && ar rc a.a a.o"
  local output, status = run(command:format(root, compiler, root))
  assert(status == 0, output)
  return "'" .. root .. "/a.a'"
end

local function call_gate(changed)
  local root = make_tree(changed)
  local command = ("lua5.4 '%s%s.lua' '%s' %s"):format(here, name, root, arguments(root, changed))
  local output, status = run(command)
  run("rm -rf '" .. root .. "'")
  return output, status
end

local output, status = call_gate({})
if status == 77 then
  print(output)
  os.exit(77)
end
assert(status == 0, "the good tree was rejected:\n" .. output)
for i, case in ipairs(assert(cases[name], "there are no bad trees for this gate")) do
  output, status = call_gate(case[1])
  assert(status == 1, ("bad tree %d was accepted:\n%s"):format(i, output))
  assert(output:find(case[2]), ("bad tree %d: expected '%s', got:\n%s"):format(i, case[2], output))
end
print(("%s rejects %d bad trees"):format(name, #cases[name]))
