-- Texts as a test expects them: `*` stands for anything, everything else for itself.

local M = {}

-- Whether the pattern stands somewhere in the text.
function M.is_in(pattern, text)
  local at = 1
  for piece in (pattern .. "*"):gmatch("([^*]*)%*") do
    local first, last = text:find(piece, at, true)
    if not first then
      return false
    end
    at = last + 1
  end
  return true
end

-- Whether the pattern is the whole text.
function M.is_whole(pattern, text)
  return M.is_in("\0" .. pattern .. "\0", "\0" .. text .. "\0")
end

return M
