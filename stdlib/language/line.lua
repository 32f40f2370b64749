-- Texts of a runbook that bascule shows as lines of its own: one line each, so that none of them
-- can pass for another one, such as a guard that was kept.

local book = require "bascule/language/book"

local M = {}

-- Whether a text is one line; reports what is not, under the name `what`.
function M.check(what, value, place)
  if value:find("%c") then
    book.mistake(what .. " is not one line", "leave out line breaks and other control characters",
      place)
    return false
  end
  return true
end

return M
