-- Facts of those who have their home in one of two pools: users, or the objects of an application.
-- A directory is never still, so its counts are foretold by changes and are not held against them.

local function count(doc)
  return { type = "int", unit = "users", noun = "home", volatile = true, doc = doc }
end

return {
  kind = "homes",
  doc = "how many users of a directory, or objects of an application, are in which pool",
  keys = {
    state = { type = "text", values = { "online", "unreachable" },
      doc = "whether the directory can be read" },
    legacy = count "in the legacy pool",
    new = count "in the new pool",
    elsewhere = count "in other pools, or in none that has a name",
    total = count "in all pools together",
    twice = count "in more than one pool",
    missing = count "of the pilot: named in the site file, and in no pool",
    names = { type = "list", unit = "names", noun = "user", advances = true,
      doc = "of the pilot: who they are" },
    reason = { type = "text", volatile = true, doc = "why the state is what it is, for people" },
  },
}
