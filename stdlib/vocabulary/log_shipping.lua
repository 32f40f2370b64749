-- Log shipping: the job that copies log backups to a secondary and applies them.

local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local primitive = require "bascule/primitive"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"

-- Into a copy that takes no log backups a job would bring none, and none can be set up.
local function can_have_job(facts)
  return list.contains({ "restoring", "standby" }, facts.state) and not recovered.has_left(facts)
end

-- Ends log shipping into a secondary copy, after a running copy or apply has ended. The job as it
-- was seen before is kept in the journal, and the undo makes it again.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 1.
local remove = primitive.shipped {
  name = "log_shipping.remove",
  doc = "Ends log shipping into a secondary copy; the undo sets it up again as it was.",
  args = { { "copy", "copy", role = "secondary", doc = "the copy that receives the log backups" } },
  usage = "log_shipping.remove(db.secondary)",
  wants = function()
    return { log_shipping = "none" }
  end,
  requires = function(a, facts)
    if facts.log_shipping == "configured" and facts.log_shipping_job == "" then
      return ("the log shipping job of %s cannot be read, so it could not be set up again; repair "
        .. "or remove it by hand"):format(handles.of(a.copy).title)
    elseif facts.state == "unreachable" or facts.state == "missing" then
      return ("%s is %s"):format(handles.of(a.copy).title, facts.state)
    elseif facts.log_shipping == nil then
      return ("nothing tells whether log shipping into %s is set up%s"):format(
        handles.of(a.copy).title, facts.reason and ": " .. facts.reason or "")
    end
  end,
  changes = function(a, facts)
    local copy = handles.of(a.copy)
    local change = registry.of(copy).end_log_shipping(copy, facts)
    change.becomes = { log_shipping = "none", log_shipping_job = "" }
    return { change }
  end,
  undo = function(a, before)
    local copy = handles.of(a.copy)
    if not can_have_job(before) then
      return ("no log backups can be applied to %s, so it needs no job"):format(copy.title)
    elseif not before.log_shipping_job then
      return {}
    end
    local change = registry.of(copy).begin_log_shipping(copy, before.log_shipping_job)
    if type(change) == "string" then
      return change
    end
    change.becomes = { log_shipping = "configured", log_shipping_job = before.log_shipping_job }
    return { change }
  end,
}

return { { name = "log_shipping.remove", value = remove } }
