-- Two mistakes on purpose: its own file and line must be named.
return primitive {
  args = { { "copy", "copy" } },
  chnges = function() return {} end,
}
