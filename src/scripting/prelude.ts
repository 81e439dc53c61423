// Lua source that replaces functions of the standard library.
//
// A script that runs for long is suspended by a yield of its count hook, so that the server can
// answer others. Lua 5.1 cannot yield across a C function that calls back, so pcall, xpcall and
// coroutine.resume run what they call as coroutines and hand such a break on (`broke` says that it
// was one). The functions of the sandbox come as arguments.

export const PRELUDE = `
local G, is_lua, enter, leave, broke, loadchunk = ...
local create, resume, yield, status =
  G.coroutine.create, G.coroutine.resume, G.coroutine.yield, G.coroutine.status
local native_pcall, native_xpcall, raise, concat, unpack, type =
  G.pcall, G.xpcall, G.error, G.table.concat, G.unpack, G.type
local select, rawget, tostring = G.select, G.rawget, G.tostring
local BOUNDARY = "attempt to yield across metamethod/C-call boundary"

local function settle(co, ok, ...)
  if broke() then
    yield()
    return settle(co, resume(co))
  end
  leave()
  if ok then
    if status(co) == "suspended" then return false, BOUNDARY end
    return true, ...
  end
  return false, ...
end

-- Errors of the server are tables, which pcall gives as their text.
local function plain(ok, ...)
  if ok then return true, ... end
  local e = ...
  if type(e) == "table" then
    local text = rawget(e, "err")
    if text ~= nil then e = tostring(text) end
  end
  return false, e
end

function G.pcall(...)
  local f = ...
  if not is_lua(f) then return plain(native_pcall(...)) end
  enter()
  local co = create(f)
  return plain(settle(co, resume(co, select(2, ...))))
end

local function handle(handler, ok, ...)
  if ok then return true, ... end
  local _, message = native_pcall(handler, (...))
  return false, message
end

function G.xpcall(f, handler)
  if not is_lua(f) then return native_xpcall(f, handler) end
  enter()
  local co = create(f)
  return handle(handler, settle(co, resume(co)))
end

local function pass(co, ...)
  if broke() then
    yield()
    return pass(co, resume(co))
  end
  return ...
end

function G.coroutine.resume(co, ...)
  return pass(co, resume(co, ...))
end

local function unwrap(ok, ...)
  if ok then return ... end
  raise((...), 0)
end

function G.coroutine.wrap(f)
  local co = create(f)
  return function(...) return unwrap(pass(co, resume(co, ...))) end
end

function G.load(reader, name)
  if type(reader) ~= "function" then
    raise("bad argument #1 to 'load' (function expected, got " .. type(reader) .. ")", 2)
  end
  local pieces = {}
  while true do
    local ok, piece = G.pcall(reader)
    if not ok then return nil, piece end
    if piece == nil or piece == "" then break end
    if type(piece) ~= "string" then return nil, "reader function must return a string" end
    pieces[#pieces + 1] = piece
  end
  return loadchunk(concat(pieces), name or "=(load)")
end
`;
