-- Says something to everybody in the chat, once.
local function told(a)
  return sql.facts "greeting" {
    on = a.database, query = "SELECT count(*) AS posted FROM messages WHERE text = ?",
    params = { a.text },
  }
end

return primitive {
  doc      = "Posts one message to everybody in the chat, once.",
  args     = { { "database", "copy" }, { "text", "text" } },
  resource = told,
  wants    = function() return { posted = 1 } end,
  changes  = function(a)
    return sql.change { on = a.database, expect_rows = 1, params = { a.text },
      statement = "INSERT INTO messages (text) VALUES (?)" }
  end,
  undo     = function(a)
    return sql.change { on = a.database, params = { a.text },
      statement = "DELETE FROM messages WHERE text = ?" }
  end,
}
