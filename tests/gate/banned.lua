-- Functions that are not called here, each with what to call instead.
local gate = dofile(arg[0]:gsub("[^/]*$", "") .. "gate.lua")

local text = "use bsc_buf, bsc_mem_format or snprintf, which know the size"
local number = "use bsc_num_parse, which tells a number from rubbish"
local time = "use bsc_clock_format, or the _r function inside interp/os"
local shell = "use bsc_process_run with an argument list"

-- Nowhere in C.
local never = {
  strcpy = text, strcat = text, strncpy = text, strncat = text, stpcpy = text,
  sprintf = text, vsprintf = text, gets = "use bsc_files_read",
  strtok = "use strcspn, or walk the text", strtok_r = "use strcspn, or walk the text",
  system = shell, popen = shell,
  alloca = "use bsc_mem_new", atoi = number, atol = number, atoll = number, atof = number,
  localtime = time, gmtime = time, ctime = time, asctime = time,
  tmpnam = "write with bsc_files_write", tempnam = "write with bsc_files_write",
  mktemp = "write with bsc_files_write", strerror = "use bsc_err_sys, which is safe in threads",
  rand = "use bsc_digest_random", srand = "use bsc_digest_random", random = "use bsc_digest_random",
}

local table_of_calls = "call it through struct bsc_sys or bsc_files_*, so that a test can fail it"
local process = "use bsc_process_run or bsc_process_detach"
local clock = "use struct bsc_clock, so that a test can set it"
local pause = "use bsc_clock_pause on a worker, bsc_timer_start on the loop"

-- Only inside interp/os.
local os_only = {
  open = table_of_calls, openat = table_of_calls, creat = table_of_calls,
  fopen = table_of_calls, freopen = table_of_calls, write = table_of_calls,
  pwrite = table_of_calls, writev = table_of_calls, pwritev = table_of_calls,
  rename = table_of_calls, renameat = table_of_calls, renameat2 = table_of_calls,
  link = table_of_calls, linkat = table_of_calls, symlink = table_of_calls,
  unlink = table_of_calls, unlinkat = table_of_calls, remove = table_of_calls,
  fsync = table_of_calls, fdatasync = table_of_calls, sync_file_range = table_of_calls,
  truncate = table_of_calls, ftruncate = table_of_calls, fallocate = table_of_calls,
  posix_fallocate = table_of_calls, copy_file_range = table_of_calls, mkdir = table_of_calls,
  fork = process, vfork = process, execv = process, execve = process, execvp = process,
  execl = process, execlp = process, posix_spawn = process, posix_spawnp = process,
  time = clock, gettimeofday = clock, clock_gettime = clock,
  sleep = pause, usleep = pause, nanosleep = pause, clock_nanosleep = pause,
}

-- { ["interp/room/file.c"] = { call = "why it has to be" } }
local builder = "runs while the program is built, on files of the build folder"
local exceptions = {
  ["interp/vm/embed/embed.c"] = { fopen = builder },
  ["interp/vm/watchdog.c"] = { clock_gettime = "a condition waits until a time of that clock" },
}

-- The last words of a process go to its standard error by whatever way is left.
local function is_stderr(name, rest)
  return name == "write" and rest:find("^STDERR_FILENO")
end

local function check_line(file, line_number, line, calls)
  for before, name, after in line:gmatch("(.?.?)%f[%w_]([%a_][%w_]*)%s*%(()") do
    local member = before:sub(-1) == "." or before == "->"
    local reason = not member and calls[name]
    local excused = exceptions[file.path] and exceptions[file.path][name]
    excused = excused or is_stderr(name, line:sub(after))
    -- A test may look at a file with another program than ours.
    excused = excused or (reason == shell and file.path:find("^tests/"))
    if reason and not excused then
      gate.complain(file.path, line_number, "%s() is not called here; %s", name, reason)
    end
  end
end

local files = gate.files("^interp/.*%.[ch]$", "^tests/.*%.[ch]$")
for _, file in ipairs(files) do
  local outside = file.path:find("^interp/") and not file.path:find("^interp/os/")
  for line_number, line in gate.lines(gate.bare_c(file.text)) do
    check_line(file, line_number, line, never)
    if outside then
      check_line(file, line_number, line, os_only)
    end
  end
end
gate.finish(#files)
