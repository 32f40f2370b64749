-- What is made of the words of a PostgreSQL client that could not log in.
local libpq = require "bascule/platforms/libpq"
local T = {}

local login = 'cannot connect to server "sql1": cannot log in: '
local socket = login .. 'connection to server on socket "/srv/sql1/.s.PGSQL.5432" failed: '
local port = 'connection to server at "127.0.0.1", port 5432 failed: '
local other = 'connection to server at "::1", port 5432 failed: '

T["a server for which nobody answers is unreachable"] = function()
  expect.equal(libpq.state(socket .. "No such file or directory Is the server running locally and "
    .. "accepting connections on that socket?"), "unreachable")
  expect.equal(libpq.state(login .. port .. "Connection refused Is the server running on that "
    .. "host and accepting TCP/IP connections?"), "unreachable")
  expect.equal(libpq.state(login .. port .. "timeout expired"), "unreachable")
  expect.equal(libpq.state(login .. 'could not translate host name "sql1" to address: Name or '
    .. "service not known"), "unreachable")
  expect.equal(libpq.state(login .. other .. "Connection refused Is it? " .. port
    .. "No route to host Is it?"), "unreachable")
  local knocked = 'cannot connect to server "sql1": nobody answers at 127.0.0.1:5432'
  expect.equal(libpq.state(knocked), "unreachable")
  expect.equal(libpq.was_late(knocked), false)
end

T["a server that refuses us is not taken for dead"] = function()
  for _, words in ipairs {
    'FATAL: password authentication failed for user "ada"',
    "fe_sendauth: no password supplied",
    "FATAL: pg_hba.conf rejects connection for host",
    "FATAL: sorry, too many clients already",
    "FATAL: the database system is shutting down",
    "FATAL: the database system is starting up",
    "server closed the connection unexpectedly",
    "SSL error: certificate verify failed",
  } do
    expect.equal(libpq.state(socket .. words), "unknown")
  end
end

T["one address that answers is enough to be alive"] = function()
  expect.equal(libpq.state(login .. other .. "Connection refused Is it? " .. port
    .. "fe_sendauth: no password supplied"), "unknown")
  expect.equal(libpq.state(login .. other .. "fe_sendauth: no password supplied " .. port
    .. "Connection refused"), "unknown")
end

T["where time was over, that is told"] = function()
  expect.equal(libpq.was_late(login .. port .. "timeout expired"), true)
  expect.equal(libpq.was_late(login .. port .. "Connection refused"), false)
end

T["what is not understood is not known"] = function()
  expect.equal(libpq.state(""), "unknown")
  expect.equal(libpq.state("Can't open lib 'PostgreSQL Unicode' : file not found"), "unknown")
  expect.equal(libpq.state(login .. 'could not open certificate file "/etc/pg.crt": No such file '
    .. "or directory"), "unknown")
end

T["a standby that nobody may read is restoring"] = function()
  expect.equal(libpq.state(socket .. "FATAL: the database system is not accepting connections "
    .. "DETAIL: Hot standby mode is disabled."), "restoring")
  expect.equal(libpq.state(socket .. "FATAL: the database system is not yet accepting connections "
    .. "DETAIL: Consistent recovery state has not been yet reached."), "restoring")
end

T["a server without the database misses it"] = function()
  expect.equal(libpq.state(socket .. 'FATAL: database "mgc" does not exist'), "missing")
  expect.equal(libpq.state(socket .. 'FATAL: role "ada" does not exist'), "unknown")
end

return T
