// Scripts that run for long: others are told so, and may end them.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type RunningServer } from "../../../src/index.ts";
import { RawClient } from "../../harness/client.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";

const BUSY = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN";

let server: RunningServer;
let runner: RawClient;
let other: RawClient;

beforeEach(async () => {
  server = await createServer({ "busy-reply-threshold": 20 });
  runner = await RawClient.connect({ port: server.port });
  other = await RawClient.connect({ port: server.port });
});

afterEach(async () => {
  await runner[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await server.stop();
});

/** Starts a script and waits until the server says that it is busy. */
async function start(script: string): Promise<void> {
  runner.send(Buffer.from(`EVAL "${script}" 0\r\n`));
  while (!(await other.ask("get", "x")).raw.startsWith(BUSY));
}

for (const script of [
  "while true do end",
  "while true do pcall(function() while true do end end) end",
  "local f = coroutine.wrap(function() while true do end end) while true do pcall(f) end",
  "while true do redis.call('get', 'x') end",
  // Within what C calls back.
  "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
  "local t = setmetatable({}, {__add = function() while true do end end}) return t + t",
  "return tostring(setmetatable({}, {__tostring = function() while true do end end}))",
  "for x in function() while true do end end do end",
  "table.sort({3, 2, 1}, function() while true do end end)",
  "local t = {} for i = 1, 100 do t[i] = i end while true do pcall(table.sort, t, error) end",
  "return (string.gsub('abc', '%w', function() while true do end end))",
  "local t = setmetatable({}, {__index = function() while true do end end}) " +
    "return (string.gsub('abc', '%w', t))",
  "while true do xpcall(error, function() while true do end end) end",
  "load(function() while true do end end) while true do end",
  "table.foreach({1}, function() while true do end end)",
  "local mt = {} mt.__lt = function() while true do end end " +
    "table.sort({setmetatable({}, mt), setmetatable({}, mt)})",
  "local t = setmetatable({}, {__concat = function() while true do end end}) return t .. t",
  // Within what C does without ever calling back.
  "return string.rep('x', 100000):find(string.rep('x?', 100000) .. 'y')",
  "return string.rep('a', 100000):find(string.rep('a-', 20) .. 'b')",
  "return string.rep('a', 100000):match('.-.-.-.-b')",
  "return (string.rep('a', 100000):gsub('.-.-.-.-b', ''))",
  "for x in string.gmatch(string.rep('a', 100000), '.-.-.-.-b') do end",
  "local s = string.rep('x', 2^24) while true do local t = s .. 'y' end",
  "local s = string.rep('x', 2^21) while true do s:upper() end",
]) {
  test(`SCRIPT KILL ends: ${script}`, async () => {
    await start(script);
    expect((await other.ask("ping")).raw).toStartWith(BUSY);
    expect((await other.ask("script", "kill")).raw).toBe("+OK\r\n");
    const reply = (await runner.next()).raw;
    expect(reply).toStartWith("-ERR Script killed by user with SCRIPT KILL... script: ");
    expect(reply).toEndWith(", on @user_script:1.\r\n");
    expect((await other.ask("eval", "return ('abc'):find('c')", "0")).raw).toBe(":3\r\n");
    expect((await other.ask("set", "x", "1")).raw).toBe("+OK\r\n");
    expect((await runner.ask("get", "x")).raw).toBe("$1\r\n1\r\n");
    expect((await other.ask("script", "kill")).raw).toStartWith("-NOTBUSY");
  });
}

test("what is slow within C runs to its end", async () => {
  const scripts = [
    "local t = {} for i = 1, 30000 do t[i] = (i * 7919) % 30011 end " +
      "table.sort(t, function(a, b) return a < b end) " +
      "for i = 2, #t do if t[i - 1] > t[i] then return i end end return #t",
    "local s, n = string.rep('ab', 15000):gsub('%w', function(c) return c .. c end) " +
      "return {#s, n, s:sub(1, 6)}",
    "local n = 0 local s = string.rep('k=v,', 15000) " +
      "for a, b in string.gmatch(s, '(%w)=(%w)') do n = n + 1 end return n",
    "return {string.rep('a', 300):find('.-.-b') == nil, string.rep('a', 2000):find('(a*)$')}",
  ];
  const expected = [
    ":30000\r\n",
    "*3\r\n:60000\r\n:30000\r\n$6\r\naabbaa\r\n",
    ":15000\r\n",
    `*4\r\n:1\r\n:1\r\n:2000\r\n$2000\r\n${"a".repeat(2000)}\r\n`,
  ];
  for (const [k, script] of scripts.entries()) {
    runner.send(Buffer.from(`EVAL "${script}" 0\r\n`));
    expect((await runner.next()).raw).toBe(expected[k]);
  }
});

test("a script that has written cannot be killed, and ends as one unit", async () => {
  await other.ask("set", "n", "0");
  await start("redis.call('incr', 'n') for i = 1, 2e7 do end return redis.call('incr', 'n')");
  expect((await other.ask("script", "kill")).raw).toStartWith("-UNKILLABLE");
  expect((await runner.next()).raw).toBe(":2\r\n");
  expect((await other.ask("get", "n")).raw).toBe("$1\r\n2\r\n");
});

test("what a client sends behind a slow script is answered after it", async () => {
  const slow = `EVAL "for i = 1, 2e7 do end return 7" 0\r\nPING\r\n`;
  runner.send(Buffer.from(slow));
  expect((await runner.next()).raw).toBe(":7\r\n");
  expect((await runner.next()).raw).toBe("+PONG\r\n");
});

test("a slow script goes on when its client has left", async () => {
  await start("for i = 1, 2e7 do end redis.call('set', 'x', '1')");
  await runner[Symbol.asyncDispose]();
  while ((await other.ask("get", "x")).raw.startsWith(BUSY));
  expect((await other.ask("get", "x")).raw).toBe("$1\r\n1\r\n");
  runner = await RawClient.connect({ port: server.port });
});

test("the keys of a slow script are watched", async () => {
  await other.ask("watch", "x");
  runner.send(Buffer.from(`EVAL "for i = 1, 2e7 do end redis.call('set', 'x', '1')" 0\r\n`));
  await runner.next();
  await other.ask("multi");
  await other.ask("ping");
  expect((await other.ask("exec")).raw).toBe("*-1\r\n");
});

test("a slow script in a transaction keeps nobody else waiting", async () => {
  const endless = "EVAL 'while true do end' 0";
  const slow = 'EVAL \'for i = 1, 2e7 do end return redis.call("incr", "n")\' 0';
  runner.send(
    Buffer.from(`MULTI\r\nSET n 5\r\n${endless}\r\n${slow}\r\n${slow}\r\nGET n\r\nEXEC\r\n`),
  );
  for (const expected of ["+OK", ...Array(5).fill("+QUEUED")]) {
    expect((await runner.next()).raw).toStartWith(expected);
  }
  while (!(await other.ask("get", "n")).raw.startsWith(BUSY));
  expect((await other.ask("script", "kill")).raw).toBe("+OK\r\n");
  expect((await other.ask("get", "n")).raw).toStartWith(BUSY);
  const reply = (await runner.next()).raw;
  expect(reply).toStartWith("*5\r\n+OK\r\n-ERR Script killed by user");
  expect(reply).toEndWith(":6\r\n:7\r\n$1\r\n7\r\n");
  expect((await other.ask("get", "n")).raw).toBe("$1\r\n7\r\n");
  expect((await runner.ask("multi")).raw).toBe("+OK\r\n");
  expect((await runner.ask("ping")).raw).toBe("+QUEUED\r\n");
  expect((await runner.ask("exec")).raw).toBe("*1\r\n+PONG\r\n");
});

test("a slow script is counted, timed and logged", async () => {
  await other.ask("config", "set", "slowlog-log-slower-than", "1000");
  const slow =
    "for i = 1, 2e7 do end redis.call('set', 'x', '1') return redis.call('lpush', 'x', 'y')";
  runner.send(Buffer.from(`EVAL "${slow}" 0\r\n`));
  expect((await runner.next()).raw).toStartWith("-WRONGTYPE");
  const { raw } = await other.ask("info", "commandstats");
  const [, us] =
    /cmdstat_eval:calls=1,usec=(\d+),usec_per_call=[\d.]+,rejected_calls=0,failed_calls=1/.exec(
      raw,
    )!;
  expect(Number(us)).toBeGreaterThan(20_000);
  expect(raw).toContain("cmdstat_set:calls=1,");
  expect(raw).toMatch(
    /cmdstat_lpush:calls=1,usec=\d+,usec_per_call=[\d.]+,rejected_calls=0,failed_calls=1/,
  );
  const log = (await other.ask("slowlog", "get", "2")).raw;
  expect(log).toContain(`$4\r\nEVAL\r\n$${slow.length}\r\n${slow}\r\n$1\r\n0\r\n`);
});

test("SHUTDOWN NOSAVE ends the server in the middle of a script that has written", async () => {
  await using own = await createServer({ "busy-reply-threshold": 20 });
  await using slow = await RawClient.connect({ port: own.port });
  await using client = await RawClient.connect({ port: own.port });
  slow.send(Buffer.from(`EVAL "redis.call('set', 'x', '2') while true do end" 0\r\n`));
  while (!(await client.ask("get", "x")).raw.startsWith(BUSY));
  expect((await client.ask("client", "kill", "type", "normal")).raw).toStartWith(BUSY);
  expect((await client.ask("script", "kill")).raw).toStartWith("-UNKILLABLE");
  for (const refused of [[], ["save"], ["now"]]) {
    expect((await client.ask("shutdown", ...refused)).raw).toStartWith(BUSY);
  }
  expect((await client.ask("shutdown", "nosave")).raw).toBe("<closed>");
});

test("the log has what a slow script wrote, once, and not the script", async () => {
  const directory = mkdtempSync(join(tmpdir(), "slow-scripts-"));
  await using own = await createServer({
    "busy-reply-threshold": 20,
    appendonly: "yes",
    appendfsync: "always",
    dir: directory,
  });
  await using slow = await RawClient.connect({ port: own.port });
  const script = "redis.call('incr', 'n') for i = 1, 2e7 do end redis.call('incr', 'n')";
  slow.send(
    Buffer.from(`MULTI\r\nEVAL "${script}" 0\r\nSET y 1\r\nEXEC\r\nEVAL "${script}" 0\r\n`),
  );
  for (let k = 0; k < 5; k++) await slow.next();
  const log = readdirSync(join(directory, "appendonlydir")).find((name) =>
    name.endsWith(".incr.aof"),
  );
  const text = readFileSync(join(directory, "appendonlydir", log!), "latin1");
  const commands = text.match(/\r\n(incr|EVAL|SET|MULTI|EXEC)\r\n/gi)!.map((name) => name.trim());
  const unit = "MULTI,incr,incr,EXEC";
  expect(commands.join()).toBe(`MULTI,incr,incr,SET,EXEC,${unit}`);
  rmSync(directory, { recursive: true });
});

test("a rewrite that begins behind a slow script does not take half of what it does", async () => {
  const disk = new FaultyFileSystem();
  // The directory must be there, but is not used.
  disk.put(join(tmpdir(), "other"), Buffer.alloc(0));
  const directives = { "busy-reply-threshold": 5, appendonly: "yes", dir: tmpdir() };
  const own = await createServer(directives, { fileSystem: disk });
  await using slow = await RawClient.connect({ port: own.port });
  await using rewriter = await RawClient.connect({ port: own.port });
  disk.holdSyncs = true;
  await rewriter.ask("BGREWRITEAOF");
  const script = "redis.call('incr', 'n') while true do if redis.call('time')[1] >= ARGV[1] then ";
  // A whole second that is at least 300 ms away: time enough to be found busy.
  const until = Math.floor((Date.now() + 1300) / 1000);
  const end = "break end end redis.call('incr', 'n')";
  slow.send(Buffer.from(`EVAL "${script}${end}" 0 ${until}\r\n`));
  while (!(await rewriter.ask("get", "x")).raw.startsWith(BUSY));
  disk.holdSyncs = false;
  disk.finishSyncs();
  await slow.next();
  const info = async () => (await rewriter.ask("info", "persistence")).raw.toString();
  while ((await info()).includes("aof_rewrite_in_progress:1"));
  expect(await info()).toContain("aof_last_bgrewrite_status:ok");
  await own.stop();
  await using again = await createServer(directives, { fileSystem: disk.killProcess() });
  await using reader = await RawClient.connect({ port: again.port });
  expect((await reader.ask("get", "n")).raw.toString()).toBe("$1\r\n2\r\n");
});
