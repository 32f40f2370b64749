-- A site on PostgreSQL whose secondary is a log-shipped standby.
local lab = require_module "lab"
local M = {}

local function copy_on(server)
  return { server = server, database = "mgc" }
end

-- `more` are keys of its log shipping.
function M.site(more)
  local found = lab.site()
  for _, server in ipairs { "sql1", "sql2", "sql3", "sql4" } do
    found.servers[server].platform = "postgresql"
  end
  local mgc = found.databases.mgc
  mgc.primary, mgc.mirror = copy_on "sql1", copy_on "sql2"
  mgc.secondary, mgc.secondary_mirror = copy_on "sql3", copy_on "sql4"
  mgc.log_shipping = { share = "/share", destination = "/copied", pid_file = "/run/copier",
    job = host.list { "copier", "--often" } }
  for key, value in pairs(more or {}) do
    mgc.log_shipping[key] = value
  end
  return found
end

-- Log files go straight into the folder of the standby.
function M.straight()
  local found = M.site { into_pg_wal = true }
  found.servers.sql3.folder = "/data"
  return found
end

return M
