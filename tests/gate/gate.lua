-- What every gate shares: the files of the tree, C without its comments, and the way to complain.
--
-- A gate is called as `lua5.4 <gate>.lua ROOT […]`. It prints one line "file:line: what is wrong;
-- what to do instead" for each finding and ends with 1 when there was one.
local gate = {}

gate.root = arg[1] or "."

-- In the order in which a room may include those before it; rooms of one rank do not know each
-- other.
local ranks = {
  { "base" },
  { "os" },
  { "value" },
  { "site", "sql", "logs", "pools", "mirrors", "journal" },
  { "vm" },
  { "lib" },
  { "run" },
  { "cli" },
}

gate.rank = {}
gate.rooms = {}
for rank, rooms in ipairs(ranks) do
  for _, room in ipairs(rooms) do
    gate.rank[room] = rank
    gate.rooms[#gate.rooms + 1] = room
  end
end

local found = 0

function gate.complain(file, line, what, ...)
  found = found + 1
  print(("%s:%d: %s"):format(file, line, what:format(...)))
end

-- Ends the program. `looked` is how many things the gate has looked at: a gate that saw none is
-- broken and must not pass.
function gate.finish(looked)
  if found > 0 then
    print(("%d finding%s"):format(found, found == 1 and "" or "s"))
    os.exit(1)
  end
  if looked == 0 then
    print(gate.root .. ":0: nothing to look at; is this the right folder?")
    os.exit(1)
  end
  os.exit(0)
end

-- A tool that is not installed skips its gate (77 is ctest's word for it), unless the caller says
-- that everything has to be there.
function gate.need_tool(name)
  if os.execute("command -v " .. name .. " >/dev/null 2>&1") then
    return
  end
  print(name .. " is not installed")
  os.exit(os.getenv("BSC_GATE_STRICT") == "1" and 1 or 77)
end

function gate.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function lines_of(command)
  local lines = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  return pipe:close() and lines or nil
end
gate.lines_of = lines_of

function gate.read(path)
  local file = io.open(gate.root .. "/" .. path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

-- Paths below the root: what git knows or would add, or everything where there is no git.
local function list_all()
  local root = gate.quote(gate.root)
  local listed
  if os.execute("test -e " .. root .. "/.git") then
    listed = lines_of("git -C " .. root .. " ls-files -co --exclude-standard 2>/dev/null")
  end
  if not listed then
    listed = lines_of("cd " .. root .. " && find . -type f -not -path './.git/*' " ..
      "-not -path './.build/*' | cut -c3-")
  end
  table.sort(listed)
  return listed
end

-- Files whose path fits one of the patterns and that are there, with their text.
function gate.files(...)
  local patterns = { ... }
  local files = {}
  for _, path in ipairs(list_all()) do
    for _, pattern in ipairs(patterns) do
      local text = path:find(pattern) and gate.read(path)
      if text then
        files[#files + 1] = { path = path, text = text }
        break
      end
    end
  end
  return files
end

-- Iterates over (number, line).
function gate.lines(text)
  local number = 0
  local next_line = (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("(.-)\n")
  return function()
    local line = next_line()
    if line then
      number = number + 1
      return number, line
    end
  end
end

-- Replaces everything but line ends by blanks.
local function blank(text)
  return (text:gsub("[^\n]", " "))
end

-- The C text with comments and the insides of literals blanked; lines and columns stay.
function gate.bare_c(text)
  local out = {}
  local at = 1
  while at <= #text do
    local two = text:sub(at, at + 1)
    local one = two:sub(1, 1)
    local last = at
    if two == "/*" then
      last = select(2, text:find("*/", at + 2, true)) or #text
    elseif two == "//" then
      last = (text:find("\n", at, true) or #text + 1) - 1
    elseif one == '"' or one == "'" then
      last = at + 1
      while last < #text and text:sub(last, last) ~= one and text:sub(last, last) ~= "\n" do
        last = last + (text:sub(last, last) == "\\" and 2 or 1)
      end
    end
    local piece = text:sub(at, last)
    out[#out + 1] = last > at and blank(piece) or piece
    at = last + 1
  end
  return table.concat(out)
end

return gate
