-- A copy that was brought online before: what a runbook finds that is run again after it was
-- stopped. The fork it left ends at `recovered_lsn`, so no log backup fits it any more, and as soon
-- as it is online it has clients.

local M = {}

-- Whether the copy has left the fork of its log backups, even if it was stopped in the middle.
function M.has_left(facts)
  return facts.recovered_lsn ~= nil
end

-- Whether it is online since then.
function M.is_online(facts)
  return facts.recovered_lsn ~= nil and facts.state == "online" and facts.writable == true
end

-- What is so, for reasons: "… is online since LSN 137".
function M.words(copy, facts)
  return ("%s %s LSN %d"):format(copy.title,
    M.is_online(facts) and "is online since" or "has left its recovery fork at",
    facts.recovered_lsn)
end

return M
