// What scripts must not be able to do, whatever they try.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type RunningServer } from "../../../src/index.ts";
import { RawClient } from "../../harness/client.ts";

let server: RunningServer;
let client: RawClient;

beforeAll(async () => {
  server = await createServer();
  client = await RawClient.connect({ port: server.port });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function run(script: string, ...args: string[]): Promise<string> {
  return (await client.ask("eval", script, "0", ...args)).raw;
}

test("nothing is left in a frozen table", async () => {
  for (const table of ["redis", "_G", "string", "getmetatable('')", "getmetatable(_G)"]) {
    for (const change of [`table.insert(${table}, 1)`, `table.insert(${table}, 1, 2)`]) {
      expect(await run(change)).toContain("Attempt to modify a readonly table");
    }
    expect(await run(`table.sort(${table}) return table.remove(${table})`)).toBe("$-1\r\n");
  }
  const own = "local t = setmetatable({}, {}) table.insert(t, 7) table.insert(t, 1, 6) return t";
  expect(await run(own)).toBe("*2\r\n:6\r\n:7\r\n");
});

test("nothing of the standard library reaches the host", async () => {
  for (const name of ["io", "package", "require", "dofile", "loadfile", "debug", "module"]) {
    expect(await run(`return ${name}`)).toContain("nonexistent global variable");
  }
  expect(await run("return {os.clock ~= nil, os.execute == nil, os.exit == nil}")).toBe(
    "*3\r\n:1\r\n:1\r\n:1\r\n",
  );
});

test("bytecode is not loaded", async () => {
  const dumped = "local code = string.dump(function() return 1 end) ";
  expect(await run(`${dumped} return (loadstring(code))`)).toBe("$-1\r\n");
  const reader = "local done = false local f = load(function() if done then return nil end ";
  expect(await run(`${dumped}${reader} done = true return code end) return f`)).toBe("$-1\r\n");
});

test("globals, libraries and metatables cannot be changed", async () => {
  for (const change of [
    ...["x = 1", "_G.x = 1", "redis.call = nil", "string.len = nil", "math.pi = 3"],
    ...["getmetatable('').__index = nil", "rawset(_G, 'x', 1)", "rawset(redis, 'x', 1)"],
    ...["setmetatable(_G, {})", "setmetatable(redis, nil)", "getmetatable(_G).__index = nil"],
    ...["rawset(getmetatable(''), '__index', nil)", "rawset(getmetatable(_G), 'x', 1)"],
  ]) {
    expect(await run(change)).toContain("Attempt to modify a readonly table");
  }
  expect(await run("return ('abc'):upper() .. math.floor(math.pi)")).toBe("$4\r\nABC3\r\n");
});

test("a stack that runs over is an error, and the next script runs", async () => {
  for (const deep of [
    "local function f() return 1 + f() end return f()",
    "local function f() return pcall(f) end f() return f()",
    "local function f() return coroutine.wrap(f)() end return f()",
    "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end " +
      "return t[1]",
    "return string.rep('x', 100000):find(string.rep('x?', 100000) .. '$')",
    "return tostring(setmetatable({}, {__tostring = function(t) return tostring(t) end}))",
    "local t = {} for i = 1, 9 do t[i] = i end " +
      "local function f() table.sort(t, f) return true end f()",
    "return (string.gsub('x', 'x', function(x) return string.gsub(x, x, G) end))",
    "local s = string.rep('(', 10000) return loadstring('return ' .. s)",
  ]) {
    await run(deep);
    expect(await run("return redis.call('ping')")).toBe("+PONG\r\n");
  }
});

test("a script that wants all memory gets an error", async () => {
  const greedy = "local s = 'x' for i = 1, 40 do s = s .. s end";
  expect(await run(greedy)).toContain("not enough memory");
  expect(await run("return redis.call('ping')")).toBe("+PONG\r\n");
});

test("nesting ends before the stack does", async () => {
  const nest = "local t = {} for i = 1, 100000 do t = {KIND} end ";
  expect(await run(`${nest.replace("KIND", "t")} return #cmsgpack.pack(t)`)).toBe(":17\r\n");
  expect(await run(`${nest.replace("KIND", "t")} return cjson.encode(t)`)).toContain("excessive");
  expect(await run(`${nest.replace("KIND", "t")} return t`)).toContain("reached lua stack limit");
  const maps = `${nest.replace("KIND", "map={a=t}")} return t`;
  expect(await run(maps)).toContain("reached lua stack limit");
  expect(await run("return cjson.decode(string.rep('[', 100000))")).toContain("too many nested");
  expect(await run("return cmsgpack.unpack(string.rep('\\145', 100000))")).toStartWith("-ERR");
});

test("numbers that are too large are refused or kept within bounds", async () => {
  expect(await run("return {unpack({}, 1, 2^31)}")).toStartWith("*");
  expect(await run("return {unpack({}, 0, 1e8)}")).toContain("too many results");
  expect(await run("return string.rep('', 2^31 - 1)")).toBe("$0\r\n\r\n");
  // As a 32-bit integer that is negative.
  expect(await run("return string.rep('x', 2^31)")).toBe("$0\r\n\r\n");
});
