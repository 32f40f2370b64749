-- Reads a page's fenced blocks and compares output with what the page shows.
--
--   ```sh            commands, run one after another in one shell; each must end with 0
--   ```sh exit=3     the last of them must end with 3
--   ```lua file=N    written to the file N before the commands that follow
--   ```text          the whole output of the commands before it
--
-- Pages show a real run, but times, LSNs and counts differ from run to run, and lines are folded
-- to fit. So blanks and line ends are all alike, a run of digits matches any other, `…` matches
-- anything, and so does a line that holds nothing else. `text exact` compares digits too.

local M = {}

local function read_info(info)
  local block = { language = info:match("^%S+") or "", exit = 0, exact = false }
  for word in info:gmatch("%S+") do
    block.exit = tonumber(word:match("^exit=(%d+)$")) or block.exit
    block.file = word:match("^file=(%S+)$") or block.file
    block.exact = block.exact or word == "exact"
  end
  return block
end

-- Every fenced block of a page, in order: {language, exit, file, exact, line, lines}.
function M.read(page)
  local blocks, open, number = {}, nil, 0
  for line in (page .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local info = line:match("^```(.*)$")
    if open and info then
      blocks[#blocks + 1], open = open, nil
    elseif open then
      open.lines[#open.lines + 1] = line
    elseif info then
      open = read_info(info)
      open.line, open.lines = number, {}
    end
  end
  assert(not open, "the last block is not closed")
  return blocks
end

-- The commands of a block: a line that ends with a backslash goes on in the next; comments and
-- empty lines are none.
function M.commands(block)
  local commands, pending = {}, ""
  for _, line in ipairs(block.lines) do
    if line:find("\\$") then
      pending = pending .. line:sub(1, -2)
    else
      local command = pending .. line
      pending = ""
      if not command:find("^%s*$") and not command:find("^%s*#") then
        commands[#commands + 1] = command
      end
    end
  end
  return commands
end

local function plain(text, exact)
  text = text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  return exact and text or (text:gsub("%d+", "0"))
end

-- The pieces between the wildcards, and whether one stands at either end.
local function pieces_of(block)
  local text = "\1" .. plain(table.concat(block.lines, "\n"), block.exact) .. "\1"
  local pieces = {}
  for piece in (text:gsub("…", "\0") .. "\0"):gmatch("(.-)\0") do
    pieces[#pieces + 1] = piece
  end
  return pieces
end

-- Whether the output is what the block shows. Returns true, or false and the piece that is missing.
function M.matches(block, output)
  local text = "\1" .. plain(output, block.exact) .. "\1"
  local at = 1
  for index, piece in ipairs(pieces_of(block)) do
    piece = piece:gsub("^ ", index > 1 and "" or " "):gsub(" $", "")
    local first, last = text:find(piece, at, true)
    if not first or (index == 1 and first ~= 1) then
      return false, (piece:gsub("\1", ""))
    end
    at = last + 1
  end
  return at == #text + 1 or text:sub(at):find("^[^\1]*$") ~= nil
end

return M
