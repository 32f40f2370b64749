-- Follows a page of the documentation to the letter: writes the files it shows, runs the commands
-- it shows, and compares what they print with what it shows.
--
-- usage: lua page.lua ROOT PAGE BASCULE SCRATCH
--
-- The reader's clone of the sources is played by SCRATCH/home/bascule: runbooks and docs of ROOT,
-- and BASCULE where building would have put it. Nothing is installed or built, so the demo runs as
-- it stands. Output shows the reader's home as /srv/ada.
local root, page, program, scratch = arg[1], arg[2], arg[3], arg[4]
package.path = root .. "/tests/docs/?.lua;" .. package.path
local blocks = require "blocks"

-- The other long command of the README, which is what runs this test.
local not_run = { ["sh tests/run.sh"] = true }

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function run(command)
  return os.execute(command) == true
end

local home, kept = scratch .. "/home", scratch .. "/kept"
local clone = home .. "/bascule"

local function prepare()
  local built = clone .. "/.build/release/bascule/interp/cli"
  local ok = run("rm -rf " .. quote(scratch)) and
    run(("mkdir -p %s %s %s/.cmake"):format(quote(built), quote(kept), quote(clone))) and
    run(("cp -r %s/runbooks %s/docs %s/README.md %s"):format(quote(root), quote(root),
      quote(root), quote(clone))) and
    run(("ln -s %s %s/bascule"):format(quote(program), quote(built)))
  assert(ok, "cannot prepare the scratch folder")
  write(clone .. "/.cmake/packages.sh", "build_packages=\n")
  write(clone .. "/.cmake/need.sh", "exit 0\n")
  write(clone .. "/.cmake/build.sh", "exit 0\n")
end

local function commands_of(block)
  local commands, found = {}, blocks.commands(block)
  for number, command in ipairs(found) do
    if not not_run[command] then
      local exit = number == #found and block.exit or 0
      commands[#commands + 1] = { text = command, exit = exit }
    end
  end
  return commands
end

-- The steps of the page: {commands = {{text, exit}}, line, expected}; or {file, copy}.
local function steps_of(list)
  local steps, last = {}, nil
  for index, block in ipairs(list) do
    if block.file then
      local copy = ("%s/file.%d"):format(kept, index)
      write(copy, table.concat(block.lines, "\n") .. "\n")
      steps[#steps + 1] = { file = block.file, copy = copy }
    elseif block.language == "sh" then
      local step = { line = block.line, commands = commands_of(block) }
      if #step.commands > 0 then
        last = step
        steps[#steps + 1] = step
      end
    elseif block.language == "text" and last then
      last.expected, last = block, nil
    end
  end
  return steps
end

-- One shell for the whole page, so that `cd` and variables last. Whatever happens, the practice
-- sites' background processes end with it.
local function script_of(steps)
  local lines = { "unset BSC_UPDATE; export NO_COLOR=1 LC_ALL=C.UTF-8", "cd " .. quote(clone) }
  for index, step in ipairs(steps) do
    local out = quote(("%s/out.%d"):format(kept, index))
    if step.file then
      lines[#lines + 1] = ("cp %s %s"):format(quote(step.copy), quote(step.file))
    else
      lines[#lines + 1] = (": >%s"):format(out)
      for number, command in ipairs(step.commands) do
        lines[#lines + 1] = ("{ %s\n} >>%s 2>&1 </dev/null; echo $? >%s"):format(command.text, out,
          quote(("%s/exit.%d.%d"):format(kept, index, number)))
      end
    end
  end
  lines[#lines + 1] = ("find %s -path '*/.lab/made' | while read -r made; do"):format(quote(home))
  lines[#lines + 1] = ('  %s lab down "${made%%/.lab/made}" >/dev/null; done'):format(
    quote(program))
  return table.concat(lines, "\n") .. "\n"
end

local complaints = 0

local function complain(line, text)
  complaints = complaints + 1
  io.stderr:write(("%s:%d: %s\n"):format(page, line, text))
end

local function check_step(index, step)
  local output = read(("%s/out.%d"):format(kept, index)):gsub(home:gsub("%p", "%%%0"), "/srv/ada")
  for number, command in ipairs(step.commands) do
    local code = tonumber(read(("%s/exit.%d.%d"):format(kept, index, number)))
    if code ~= command.exit then
      complain(step.line, ("%s: ended with %s, not %d\n%s"):format(command.text, code,
        command.exit, output))
    end
  end
  if step.expected then
    local same, missing = blocks.matches(step.expected, output)
    if not same then
      complain(step.expected.line, ("the output is different, first at: %s\n%s"):format(
        missing or "its end", output))
    end
  end
end

prepare()
local steps = steps_of(blocks.read(read(root .. "/" .. page)))
write(kept .. "/page.sh", script_of(steps))
run("sh " .. quote(kept .. "/page.sh"))
local count = 0
for index, step in ipairs(steps) do
  if not step.file then
    check_step(index, step)
    count = count + #step.commands
  end
end
if count == 0 then
  complain(1, "no command was run")
end
print(("%d commands, %d complaints"):format(count, complaints))
os.exit(complaints == 0)
