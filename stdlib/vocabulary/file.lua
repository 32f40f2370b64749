-- Files: a verified copy that is taken back by removing the very file it made.

local book = require "bascule/language/book"
local primitive = require "bascule/primitive"

local function check_paths(a)
  for _, path in ipairs { a.from, a.to } do
    if path:sub(1, 1) ~= "/" and path ~= "?" then
      book.mistake(("the path %q is not absolute"):format(path), "begin it with a slash")
      return false
    end
  end
  book.touch("file:" .. a.from)
end

-- Copies one file under a temporary name, compares its digest and gives it its name. Refuses to
-- replace another file.
local copy = primitive.shipped {
  name = "file.copy",
  doc = "Copies a file and compares the copy; the undo removes it again.",
  args = {
    { "from", "text", doc = "absolute path of the file" },
    { "to", "text", doc = "absolute path of the copy" },
  },
  usage = 'file.copy { from = "/…", to = "/…" }',
  check = check_paths,
  resource = function(a)
    return "file:" .. a.to
  end,
  wants = function(a, _, observe)
    local source = observe("file:" .. a.from)
    return { exists = true, bytes = source.bytes, sha256 = source.sha256 }
  end,
  requires = function(a, facts, observe)
    if not observe("file:" .. a.from).exists then
      return ("there is no file %s"):format(a.from)
    elseif facts.exists then
      return ("%s is there already and is another file"):format(a.to)
    end
  end,
  changes = function(a)
    return { {
      row = "file.copy",
      args = { from = a.from, to = a.to },
      statement = ("copy %s to %s"):format(a.from, a.to),
    } }
  end,
  undo = function(a, _, wanted)
    return { {
      row = "file.remove",
      args = { path = a.to, sha256 = wanted.sha256 },
      statement = ("remove %s"):format(a.to),
      becomes = { exists = false, bytes = 0, sha256 = "" },
    } }
  end,
}

return { { name = "file.copy", value = copy } }
