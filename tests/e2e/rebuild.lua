-- Puts the pages of log backups into a copy of the database, as docs describe the format: what the
-- program does when it applies them, told a second time. `rebuild.lua COPY BACKUP…`, oldest first.
-- It prints the LSN at which the copy then stands.
local copy = assert(io.open(arg[1], "r+b"))
local lsn

for i = 2, #arg do
  local backup = assert(io.open(arg[i], "rb"))
  local header = assert(backup:read(4096))
  local first, last, page_size, page_count = ("<i8i8I4I4"):unpack(header, 65)
  assert(header:sub(1, 8) == "BSCLOG01", arg[i])
  assert(lsn == nil or lsn == first, "the backups are not one chain")
  for _ = 1, page_count do
    local page = ("<I4"):unpack(backup:read(4))
    assert(copy:seek("set", (page - 1) * page_size))
    assert(copy:write(backup:read(page_size)))
  end
  assert(backup:read(1) == nil, "there is more in the file than its pages")
  backup:close()
  lsn = last
end
copy:close()
print(lsn)
