-- What is learned in one survey of the site, while its resources are looked at one after the other:
-- facts of several of them that are of one server have to be of one moment, or a standby that
-- replays meanwhile seems to have come farther than it has.

local M = {}

-- What was learned so far, by key; nil outside of a survey.
local learned

-- A resource is about to be looked at: the "first" of a survey, a "next" one of it, or, without a
-- word, one alone.
function M.begins(word)
  if word == "first" then
    learned = {}
  elseif word ~= "next" then
    learned = nil
  end
end

-- What `ask()` gives; in a survey it is asked once. What could not be learned is asked again.
function M.once(key, ask)
  local kept = learned
  if kept and kept[key] ~= nil then
    return kept[key]
  end
  local value, failure = ask()
  if kept then
    kept[key] = value
  end
  return value, failure
end

return M
