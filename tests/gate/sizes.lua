-- Nothing is longer than a reader can hold: functions, files, lines.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

local function_max, file_max, column_max = 70, 600, 100

local function check_file(file)
  local count = 0
  for number, line in gate.lines(file.text) do
    count = number
    local columns = utf8.len(line) or #line
    if columns > column_max then
      gate.complain(file.path, number, "the line has %d columns, %d are allowed; break it",
        columns, column_max)
    end
  end
  if count > file_max then
    gate.complain(file.path, count, "the file has %d lines, %d are allowed; give each idea a " ..
      "file of its own", count, file_max)
  end
end

local function check_length(file, first, last)
  local length = last - first + 1
  if length > function_max then
    gate.complain(file.path, first, "the function has %d lines, %d are allowed; take out the " ..
      "parts that have a name", length, function_max)
  end
end

-- The house style puts the braces of a function, and of nothing else, alone in column one.
local function check_c(file)
  local first, open
  for number, line in gate.lines(gate.bare_c(file.text)) do
    if line:find("^{%s*$") then
      open = first or number
    elseif line:find("^}%s*$") and open then
      check_length(file, open, number)
      open, first = nil, nil
    elseif open == nil then
      local begins = line:find("^[%a_]") and not line:find(";%s*$")
      first = begins and (first or number) or (line:find("^%s+%S") and first or nil)
    end
  end
end

-- The Lua text without comments and literals; lines stay.
local function bare_lua(text)
  local function blank(piece)
    return (piece:gsub("[^\n]", " "))
  end
  local out, at = {}, 1
  while at <= #text do
    local level = text:match("^%-?%-?%[(=*)%[", at)
    local last
    if level and (text:sub(at, at) == "[" or text:sub(at, at + 1) == "--") then
      last = select(2, text:find("]" .. level .. "]", at, true)) or #text
    elseif text:sub(at, at + 1) == "--" then
      last = (text:find("\n", at, true) or #text + 1) - 1
    elseif text:find("^[\"']", at) then
      local mark = text:sub(at, at)
      last = at + 1
      while last < #text and text:sub(last, last) ~= mark and text:sub(last, last) ~= "\n" do
        last = last + (text:sub(last, last) == "\\" and 2 or 1)
      end
    end
    out[#out + 1] = last and blank(text:sub(at, last)) or text:sub(at, at)
    at = (last or at) + 1
  end
  return table.concat(out)
end

local opens = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }

local function check_lua(file)
  local stack = {}
  for number, line in gate.lines(bare_lua(file.text)) do
    for word in line:gmatch("[%a_][%w_]*") do
      if opens[word] then
        stack[#stack + 1] = { word = word, line = number }
      elseif closes[word] then
        local block = table.remove(stack)
        if block and block.word == "function" then
          check_length(file, block.line, number)
        end
      end
    end
  end
end

local files = gate.files("^interp/.*%.[ch]$", "^tests/.*%.[ch]$", "%.lua$", "%.sh$", "%.cmake$",
  "CMakeLists%.txt$")
for _, file in ipairs(files) do
  check_file(file)
  if file.path:find("%.[ch]$") then
    check_c(file)
  elseif file.path:find("%.lua$") then
    check_lua(file)
  end
end
gate.finish(#files)
