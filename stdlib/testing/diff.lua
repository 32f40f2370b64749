-- What was expected against what came, line by line: "- " was expected, "+ " came instead, and
-- "  " stands before what is as expected.

local M = {}

-- Longer texts are not aligned: the work grows with the product of the lengths.
local most_cells = 250000

-- Bytes of a line that are shown; a reason is for reading, a statement may name a thousand files.
local longest = { statement = 240, reason = 1000 }

-- One line, cut where a character ends; `kind` is "statement" when left out.
function M.shown(words, kind)
  local line, most = words:gsub("%s+", " "), longest[kind or "statement"]
  if #line <= most then
    return line
  end
  return line:sub(1, most):gsub("[\xC2-\xF4]?[\x80-\xBF]*$", "") .. "…"
end

-- Lengths of the longest common part from each pair of places on.
local function common_lengths(expected, came, fits)
  local lengths = {}
  for i = #expected + 1, 1, -1 do
    lengths[i] = {}
    for j = #came + 1, 1, -1 do
      if i > #expected or j > #came then
        lengths[i][j] = 0
      elseif fits(expected[i], came[j]) then
        lengths[i][j] = lengths[i + 1][j + 1] + 1
      else
        lengths[i][j] = math.max(lengths[i + 1][j], lengths[i][j + 1])
      end
    end
  end
  return lengths
end

local function aligned(expected, came, fits, shown)
  local lengths, lines, i, j = common_lengths(expected, came, fits), {}, 1, 1
  while i <= #expected or j <= #came do
    if i <= #expected and j <= #came and fits(expected[i], came[j]) then
      lines[#lines + 1] = "  " .. shown(came[j])
      i, j = i + 1, j + 1
    elseif i <= #expected and (j > #came or lengths[i + 1][j] >= lengths[i][j + 1]) then
      lines[#lines + 1] = "- " .. shown(expected[i])
      i = i + 1
    else
      lines[#lines + 1] = "+ " .. shown(came[j])
      j = j + 1
    end
  end
  return lines
end

local function one_after_another(expected, came, _, shown)
  local lines = {}
  for _, each in ipairs(expected) do
    lines[#lines + 1] = "- " .. shown(each)
  end
  for _, each in ipairs(came) do
    lines[#lines + 1] = "+ " .. shown(each)
  end
  return lines
end

-- `fits(expected, came)` says whether two texts agree; `shown`, M.shown when left out, makes a line
-- of one.
function M.of(expected, came, fits, shown)
  local compare = #expected * #came > most_cells and one_after_another or aligned
  return compare(expected, came, fits, shown or M.shown)
end

return M
