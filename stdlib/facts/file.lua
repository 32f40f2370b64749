-- Facts of one file.

return {
  kind = "file",
  doc = "one file, by its absolute path",
  keys = {
    exists = { type = "bool", doc = "whether it is there" },
    bytes = { type = "int", unit = "bytes", doc = "its size" },
    sha256 = { type = "text",
      doc = "digest of its content, hexadecimal; empty where there is none" },
  },
}
