// Libraries of functions against Redis 8.0: their sources' first line, what they find while they
// are loaded and while they run, calls, lists, payloads.

import { type Argument, binary, encodeCommand } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { arities, caseVariants, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";
import { bytesOf, dumpPayload, lengthOf, stringOf } from "../harness/rdb-bytes.ts";
import { playScene } from "../harness/scene.ts";

/** A library of statements; `redis` is its only global. */
function library(name: string, ...statements: string[]): string {
  return `#!lua name=${name}\n${statements.join("\n")}`;
}

/** A library with one function of a body. */
function single(name: string, body: string, flags = ""): string {
  const callback = `callback=function(keys, args) ${body} end`;
  return library(
    `lib_${name}`,
    `redis.register_function{function_name='${name}', ${callback}, flags={${flags}}}`,
  );
}

const F = "redis.register_function('f', function() return 1 end)";

const HEADS = [
  ...["", "#", "#!", "#!lua", "#!lua\n", `#!lua name=a`, "x", "return 1", " #!lua name=a\n"],
  ...["#!lua name=a\n", `#!lua name=\n${F}`, `#!lua NAME=a\n${F}`, `#!LUA name=b\n${F}`],
  ...[`#! lua name=a\n${F}`, `#!\n${F}`, `#!  \n${F}`, `#! name=a\n${F}`, `#!lua a\n${F}`],
  ...[`#!lua name=a name=b\n${F}`, `#!lua name=a b=c\n${F}`, `#!lua b=c name=a\n${F}`],
  ...[`#!lua name=a-b\n${F}`, `#!lua name=a.b\n${F}`, `#!lua name="c c"\n${F}`],
  ...[
    `#!lua name="d"\n${F}`,
    `#!lua "name=e"\n${F}`,
    `#!lua name='g\n${F}`,
    `#!lua "name"=h\n${F}`,
  ],
  ...[`#!lua name=é\n${F}`, `#!lua name=a\0b\n${F}`, `#!lua\tname=i\r\n${F}`, `#!lua name=_\n${F}`],
  ...[
    `#!js name=a\n${F}`,
    `#!js name=a-b\n${F}`,
    `#!js\n${F}`,
    `#!lua name=${"n".repeat(300)}\n${F}`,
  ],
  ...[
    `#!"lua" name=j\n${F}`,
    `#!lua flags=no-writes name=k\n${F}`,
    `#!lua name=l engine=lua\n${F}`,
  ],
  ...[`#!lua name="\\x6d"\n${F}`, `#!lua name=n\n\0${F}`, `#!lua name=o\n${F} \0 x`],
];

/** What a library may not do while it is loaded, or does in vain. */
const BODIES = [
  ...["return 1", "local x =", "x = 1", "redis.x = 1", "return y", "redis.call('ping')"],
  ...["redis.pcall('ping')", "redis.setresp(3)", "redis.sha1hex('')", "redis.acl_check_cmd('a')"],
  ...["redis.error_reply('x')", "redis.REPL_ALL = 1", "redis.set_repl(1)", "return redis.REPL_ALL"],
  ...["string.len('x')", "math.random()", "print(1)", "pcall(1)", "error('x')", "_G.x = 1"],
  ...["setmetatable({}, {})", "local x = nil + 1", "local x = {} .. 'a'", "local x = #nil"],
  ...["redis.redis.call('ping')", "redis()", "('x')()", "local x = ('x'):nosuch()"],
  ...["for k in redis do end", "return ...", "coroutine.yield()", "unpack({})", "cjson.encode(1)"],
  ...["local function f() return f() + 1 end f()", "redis.log()", "redis.log('x', 'y')"],
  ...["redis.log(9, 'x')", "redis.log(redis.LOG_DEBUG)", "for i = 1, 10 do goto x end"],
];

/** Ways to register functions. */
const REGISTRATIONS = [
  ...["f()", "", "'f'", "function() end", "'f', 1", "'f', nil", "nil, function() end"],
  ...["'f', function() end, 1", "{}, function() end", "1, function() end", "'f g', function() end"],
  ...["'', function() end", "'f-', function() end", "'\\0', function() end", "true", "{}"],
  ...["{function_name='f'}", "{callback=function() end}", "{function_name={}}", "{callback=1}"],
  ...["{function_name='f', callback='x'}", "{function_name=1, callback=function() end}"],
  ...["{function_name=1.5, callback=function() end}", "{[1]=1}", "{[true]=1}", "{'f'}"],
  ...["{FUNCTION_NAME='f', Callback=function() end}", "{[function() end]=1}", "{nosuch=1}"],
  ...["{description=1}", "{description={}}", "{flags=1}", "{flags='no-writes'}", "{flags={}}"],
  ...["{flags={1}}", "{flags={{}}}", "{flags={'x'}}", "{flags={'NO-WRITES'}}", "{flags={''}}"],
  ...[
    "{function_name='f', callback=function() end, flags={'no-writes', 'allow-oom', 'allow-stale'," +
      " 'no-cluster', 'allow-cross-slot-keys', 'no-writes'}}",
    "{function_name='f', callback=function() end, flags={'no-writes', nil, 'x'}}",
    "{function_name='f', callback=function() end, flags={x='no-writes'}}",
    "{function_name='f', callback=function() end, flags={'no-writes', 'x'}}",
    "{function_name='f', callback=function() end, description='what\\0it\\ndoes'}",
    "{function_name='f', callback=function() end, description=12}",
    "{function_name='f', callback=function() end, description=''}",
  ],
];

const CALLS = [
  ...["return {keys, args}", "return #keys", "return {select('#', keys, args)}", "return keys[1]"],
  ...["return KEYS", "x = 1", "return nosuch", "return redis.call", "return redis.nosuch"],
  ...["return redis.register_function('g', function() end)", "redis.x = 1", "string.x = 1"],
  ...["error('no')", "error({err='MINE no'})", "error({err='no'})", "error({})", "error()"],
  ...["error(redis.error_reply('x y'))", "return redis.error_reply('MINE z')", "error('a\\nb')"],
  ...["return redis.status_reply('fine')", "return {ok='fine'}", "return {err='ERR no'}"],
  ...["return redis.call('nosuch')", "return redis.call()", "return redis.call('get')"],
  ...["return redis.pcall('nosuch')", "return redis.call('set', keys[1], args[1])"],
  ...["return redis.call('fcall', 'f', '0')", "return redis.call('eval', 'return 1', '0')"],
  ...["return redis.call('function', 'list')", "return #redis.call('function', 'help') > 9"],
  ...["return redis.call('script', 'load', 'return 1')", "return redis.call('multi')"],
  ...["return redis.call('select', '1')", "return redis.call('blpop', 'l', '0')"],
  ...["return pcall(function() error('x') end)", "return {pcall(redis.call, 'nosuch')}"],
  ...["return redis.sha1hex('')", "return redis.acl_check_cmd('set', 'a', 'b')", "return"],
  ...["return redis.setresp(3)", "redis.setresp(3) return redis.call('hgetall', 'h')"],
  ...["return redis.breakpoint", "return redis.debug", "return redis.replicate_commands"],
  ...["return {double=1.5}", "return {map={a=1}}", "return {set={a=true}}", "return true"],
  ...["return {big_number='123'}", "return {verbatim_string={format='txt', string='x'}}"],
  ...["return 1.9", "return {1, nil, 3}", "return {1, {2, {3}}}", "return function() end"],
  ...[
    "return cjson.encode(args)",
    "return cmsgpack.unpack(cmsgpack.pack(1))",
    "return bit.bor(1, 2)",
  ],
  ...[
    "return struct.unpack('>I', '\\0\\0\\0\\1')",
    "return tostring(_G) ~= nil",
    "return math.abs(-1)",
  ],
  ...[
    "return getmetatable('x')",
    "return getmetatable(_G) ~= nil",
    "_G.x = 1",
    "rawset(_G, 'x', 1)",
  ],
  ...[
    "return loadstring('return 1 + 1')()",
    "return loadstring('x = 1')()",
    "return os.clock() >= 0",
  ],
  ...["return __redis__err__handler('x')", "return string.format('%d', 1700000000000)"],
  ...["string.gsub('x', 'x', error)", "return #{pcall(error, {})}", "return {load(pcall)}"],
  "local r = {} for k, v in pairs(_G) do r[#r + 1] = k .. ':' .. type(v) end " +
    "table.sort(r) return r",
  ...["coroutine.yield()", "local a, b = 1 return a .. b", "return redis.REDIS_VERSION_NUM > 7"],
];

const LOOPS = library(
  "loops",
  "redis.register_function('spin', function() while true do end end)",
  "redis.register_function('caught', function() while true do",
  "  pcall(function() while true do end end) end end)",
);

const WHILE_BUSY: readonly Command[] = [
  ...[
    ["function", "stats"],
    ["function", "list"],
    ["function", "help"],
    ["function", "dump"],
  ],
  ...[["function", "load", "x"], ["fcall", "spin", "0"], ["script", "exists", "x"], ["multi"]],
  ...[["fcall", "spin", "0"], ["exec"], ["function", "kill", "x"]],
];

/** What runs for long; what ends it comes second, and first what ends others. */
const SLOW: readonly (readonly [call: Command, wrong: string, right: string])[] = [
  [["fcall", "spin", "1", "key", "value"], "script", "function"],
  [["FCALL", "Caught", "0"], "script", "function"],
  [["eval", "while true do end", "0"], "function", "script"],
];

const COUNTED = library(
  "counted",
  "redis.register_function('mixed', function(keys)",
  "  redis.call('set', keys[1], 'x') redis.pcall('incr', keys[1]) redis.pcall('nosuch')",
  "  redis.pcall('get') return redis.call('get', keys[1]) end)",
  "redis.register_function('fails', function(keys) return redis.call('incr', keys[1]) end)",
  "redis.register_function('says', function() return redis.error_reply('MINE no') end)",
  "redis.register_function('raises', function() error('no') end)",
);

const COUNTED_CALLS: readonly Command[] = [
  ...[
    ["fcall", "mixed", "1", "k"],
    ["fcall", "fails", "1", "k"],
    ["fcall", "says", "0"],
  ],
  ...[
    ["fcall", "raises", "0"],
    ["fcall", "nosuch", "0"],
    ["fcall_ro", "mixed", "1", "k"],
  ],
  ...[["multi"], ["fcall", "mixed", "1", "k"], ["exec"], ["function", "list"], ["echo", "end"]],
];

const PAUSED = library(
  "paused",
  "redis.register_function('may', function() return 1 end)",
  "redis.register_function{function_name='never', flags={'no-writes'}, " +
    "callback=function() return 2 end}",
);

/** Which calls wait for the end of a pause. */
const PAUSE = [
  "x: client pause 100000 write",
  "a: fcall may 0",
  "b: fcall never 0",
  "c: fcall_ro never 0",
  "d: fcall_ro may 0",
  "e: fcall nosuch 0",
  "f: fcall_ro nosuch 0",
  "g: eval return_1 0",
  "h: eval_ro nosuch() 0",
  "i: eval #!lua\nnosuch() 0",
  "j: eval #!lua\tflags=no-writes\nnosuch() 0",
  "k: eval_ro #!lua\nnosuch() 0",
  "l: evalsha 0123456789012345678901234567890123456789 0",
  "m: evalsha_ro 0123456789012345678901234567890123456789 0",
  "o: function flush",
  "p: multi | fcall never 0 | exec",
  "q: multi | fcall may 0 | exec",
  "x: client unpause",
];

const TRAILER = 10;

const A = library("a", F);
const B = library("b", "redis.register_function('g', function() return 2 end)");
const A_WITH_G = library("a", "redis.register_function('g', function() return 3 end)");
const VERSION = 11;

function* payloads(): Generator<Argument> {
  const of = (code: string) => bytesOf(0xf5, stringOf(code));
  yield dumpPayload(VERSION);
  yield dumpPayload(VERSION, of(A));
  yield dumpPayload(VERSION, of(A), of(B));
  yield dumpPayload(VERSION, of(A), of(A));
  yield dumpPayload(VERSION, of(B), of(A_WITH_G));
  yield dumpPayload(VERSION, of(A), of(library("b", F)));
  yield dumpPayload(VERSION, of(A), of(library("c", "x = 1")));
  yield dumpPayload(VERSION, of("nothing"));
  yield dumpPayload(VERSION, of(library("c", "")));
  yield dumpPayload(VERSION, 0xf6, stringOf("a"), stringOf("LUA"));
  for (const type of [0, 1, 0xf7, 0xfa, 0xfe, 0xff]) yield dumpPayload(VERSION, type, stringOf(A));
  yield dumpPayload(VERSION, 0xf5);
  yield dumpPayload(VERSION, 0xf5, lengthOf(100_000), "x");
  yield dumpPayload(VERSION, 0xf5, 0xc3, 5, 10, "abc");
  yield dumpPayload(VERSION, 0xf5, 0xc0, 1);
  yield dumpPayload(VERSION, of(A), 0xf5);
  yield dumpPayload(10, of(A));
  yield dumpPayload(1, of(A));
  yield dumpPayload(0, of(A));
  yield dumpPayload(12, of(A));
  yield dumpPayload(13, of(A));
  yield dumpPayload(9999, of(A));
  const whole = dumpPayload(VERSION, of(A));
  for (let at = 0; at < whole.length; at += at < TRAILER ? 1 : 7) {
    yield whole.subarray(0, at);
    const changed = Buffer.from(whole);
    changed[at] ^= 0x41;
    yield changed;
  }
  yield bytesOf(whole, "x");
  yield "";
}

differential(
  "functions",
  "redis8",
  ({ compare, dialogue, probe }) => {
    compare("the first line of a library", function* () {
      yield ["function", "flush"];
      for (const code of HEADS) {
        yield ["function", "load", code];
        yield ["function", "list", "withcode"];
        yield ["function", "flush"];
      }
      for (const value of HOSTILE_STRINGS) {
        yield ["function", "load", value];
        yield ["function", "load", bytesOf("#!lua name=", binary(String(value)), `\n${F}`)];
        yield ["function", "load", bytesOf(`#!lua name=v\n${F} return `, binary(String(value)))];
        yield ["function", "flush"];
      }
    });

    compare("what a library finds while it is loaded", function* () {
      yield ["function", "flush"];
      for (const body of BODIES) {
        yield ["function", "load", "replace", library("a", body)];
        yield ["function", "load", "replace", library("a", F, body)];
        yield ["function", "list"];
      }
      yield ["function", "load", "replace", library("a", "redis.log(1, 'x')", F)];
    });

    compare("ways to register a function", function* () {
      for (const call of REGISTRATIONS) {
        yield ["function", "flush"];
        yield ["function", "load", library("a", `redis.register_function(${call})`)];
        yield ["function", "list"];
        yield ["fcall", "f", "0"];
      }
      yield ["function", "load", "replace", library("a", F, F)];
      yield ["function", "load", "replace", library("a", "redis.register_function {}")];
      yield ["function", "flush"];
    });

    compare("what takes which place", function* () {
      yield ["function", "flush"];
      yield ["function", "load", A];
      yield ["function", "load", A];
      yield ["function", "load", library("A", F)];
      yield ["function", "load", B];
      yield ["function", "load", library("c", F.replace("'f'", "'F'"))];
      yield ["function", "load", "REPLACE", A_WITH_G];
      yield ["fcall", "f", "0"];
      yield ["function", "load", "replace", library("a", "x = 1")];
      yield ["function", "load", "replace", library("a", "local x = = 1")];
      yield ["function", "load", "replace", library("a", "return 1")];
      yield ["fcall", "F", "0"];
      yield ["function", "load", "replace", "Replace", library("a", F.replace("1", "7"))];
      yield ["fcall", "f", "0"];
      yield ["function", "load", "replace"];
      yield ["function", "load", "x", A];
      yield ["function", "load", A, "replace"];
      yield ["function", "load", "replace", "x", A];
      yield ["function", "delete", "nosuch"];
      yield ["function", "delete", "A"];
      yield ["function", "delete", "a"];
      yield ["fcall", "f", "0"];
      yield ["fcall", "g", "0"];
      yield ["function", "load", library("a", F, B.slice(B.indexOf("\n") + 1))];
      yield ["function", "list", "withcode"];
      yield ["function", "stats"];
      yield ["flushall"];
      yield ["function", "stats"];
      yield ["function", "flush"];
      yield ["function", "stats"];
      for (const mode of ["sync", "ASYNC", "x", ""]) yield ["function", "flush", mode];
      yield ["function", "flush", "sync", "async"];
    });

    compare("functions of a library share its variables", function* () {
      yield ["function", "flush"];
      yield [
        ...["function", "load"],
        library(
          "counter",
          "local n, t = 0, {}",
          "redis.register_function('up', function(k, a) n = n + (a[1] or 1) return n end)",
          "redis.register_function('value', function() return n end)",
          "redis.register_function('put', function(k, a) t[#t + 1] = a[1] return t end)",
        ),
      ];
      for (const amount of ["1", "5", "-2"]) yield ["fcall", "up", "0", amount];
      yield ["fcall", "up", "0"];
      yield ["fcall", "up", "0", "x"];
      yield ["fcall", "value", "0"];
      yield ["fcall", "put", "0", "a"];
      yield ["fcall", "put", "0", "b"];
    });

    compare("calls", function* () {
      yield ["hset", "h", "f", "v"];
      for (const body of CALLS) {
        yield ["function", "flush"];
        yield ["function", "load", single("f", body)];
        yield ["fcall", "f", "1", "k", "v", "w"];
        yield ["fcall", "f", "0"];
        yield ["fcall_ro", "f", "0"];
        yield ["function", "load", "replace", single("f", body, "'no-writes'")];
        yield ["fcall", "f", "1", "k", "v"];
        yield ["fcall_ro", "f", "1", "k", "v"];
      }
    });

    compare("keys and arguments", function* () {
      yield ["function", "flush"];
      yield ["function", "load", single("f", "return {#keys, #args, keys, args}")];
      for (const count of HOSTILE_INTEGERS) {
        yield ["fcall", "f", count, "a", "b"];
        yield ["fcall_ro", "nosuch", count, "a", "b"];
        yield ["command", "getkeys", "fcall", "f", count, "a", "b"];
      }
      for (const value of HOSTILE_STRINGS) {
        yield ["fcall", "f", "1", value, value];
        yield ["fcall", value, "0"];
        yield ["function", "delete", value];
        yield ["function", "list", "libraryname", value];
      }
      yield ["function", "load", single("long_Name_9", "return 1")];
      for (const name of caseVariants("long_name_9")) yield ["fcall", name, "0"];
    });

    compare("lists", function* () {
      yield ["function", "flush"];
      yield ["function", "list"];
      yield ["function", "load", A];
      yield ["function", "load", B];
      yield ["function", "load", single("h", "return 1", "'allow-stale', 'no-writes'")];
      for (const pattern of ["a", "A", "*", "[ab]", "lib_?", "", "\\a", "x"]) {
        yield ["function", "list", "libraryname", pattern];
        yield ["function", "list", "WithCode", "LibraryName", pattern];
      }
      yield ["function", "list", "libraryname"];
      yield ["function", "list", "withcode", "withcode"];
      yield ["function", "list", "withcode", "libraryname"];
      yield ["function", "list", "libraryname", "a", "libraryname", "b"];
      yield ["function", "list", "libraryname", "a", "withcode", "x"];
      yield ["function", "list", "x"];
    });

    compare("payloads", function* () {
      for (const policy of [undefined, "append", "REPLACE", "flush", "x", ""]) {
        for (const bytes of payloads()) {
          yield ["function", "flush"];
          yield ["function", "load", A];
          yield ["function", "restore", bytes, ...(policy === undefined ? [] : [policy])];
          yield ["function", "list", "withcode"];
          yield ["fcall", "f", "0"];
        }
      }
      yield ["function", "restore", dumpPayload(VERSION), "flush", "x"];
      yield ["function", "restore", "x", "append", "x"];
    });

    probe("a payload holds the libraries", async (client) => {
      await client.ask("function", "flush");
      await client.ask("function", "load", A);
      // Versions differ, and so do the checksums behind them.
      return (await client.ask("function", "dump")).text.slice(0, -TRAILER);
    });

    compare("arities and cases", function* () {
      yield ["function", "flush"];
      for (const name of ["fcall", "fcall_ro", "function"]) yield* arities(name, 5);
      for (const sub of ["load", "list", "delete", "dump", "restore", "flush", "stats", "kill"]) {
        // The version in the payload of nothing is that of the server.
        for (let k = sub === "dump" ? 1 : 0; k < 5; k++)
          yield ["function", sub, ...new Array<string>(k).fill("x")];
        if (sub !== "dump") for (const variant of caseVariants(sub)) yield ["function", variant];
      }
      yield ["function", "help"];
      yield ["function", "help", "x"];
      yield ["function", "nosuch"];
      yield ["function", "kill"];
    });

    compare("in transactions, without memory, in scripts", function* (): Generator<Command> {
      yield ["function", "flush"];
      yield ["function", "load", single("w", "return redis.call('set', 'k', '1')")];
      yield ["function", "load", single("r", "return redis.call('get', 'k')", "'no-writes'")];
      yield ["function", "load", single("o", "return redis.call('set', 'k', 2)", "'allow-oom'")];
      yield ["multi"];
      yield ["function", "load", A];
      yield ["fcall", "f", "0"];
      yield ["fcall", "w", "0"];
      yield ["function", "delete", "a"];
      yield ["fcall", "f", "0"];
      yield ["exec"];
      yield ["eval", "return redis.call('fcall', 'w', 0)", "0"];
      yield ["eval", "return redis.call('function', 'flush')", "0"];
      yield ["config", "set", "maxmemory", "1"];
      for (const name of ["w", "r", "o"]) {
        yield ["fcall", name, "0"];
        yield ["fcall_ro", name, "0"];
      }
      yield ["function", "load", B];
      yield ["function", "restore", dumpPayload(VERSION)];
      yield ["function", "list"];
      for (const flags of ["", "flags=", "flags=no-writes", "flags=allow-oom", "flags=x"]) {
        yield ["eval", `#!lua ${flags}\nreturn redis.call('set', 'k', 3)`, "0"];
        yield ["eval_ro", `#!lua ${flags}\nreturn redis.call('get', 'k')`, "0"];
      }
      yield ["multi"];
      yield ["fcall", "w", "0"];
      yield ["fcall", "r", "0"];
      yield ["exec"];
      yield ["config", "set", "maxmemory", "0"];
      yield ["get", "k"];
      yield ["function", "flush"];
    });

    for (const [call, wrong, right] of SLOW) {
      probe(`what others are told while this is slow: ${call.join(" ")}`, async (client, side) => {
        const runner = await side.connect();
        await client.ask("function", "flush");
        await client.ask("function", "load", LOOPS);
        await client.ask("config", "set", "busy-reply-threshold", "20");
        runner.send(encodeCommand(call));
        let isBusy = false;
        for (let k = 0; k < 1000 && !isBusy; k++) {
          isBusy = (await client.ask("ping")).text.startsWith("BUSY");
        }
        const replies: string[] = [];
        for (const command of [...WHILE_BUSY, [wrong, "kill"], [right, "kill"]]) {
          const { raw } = await client.ask(...command);
          replies.push(raw.replace(/(duration_ms\r\n):\d+/, "$1"));
        }
        replies.push((await runner.next()).raw, (await client.ask("function", "stats")).raw);
        await client.ask("config", "set", "busy-reply-threshold", "5000");
        return replies;
      });
    }

    probe("what monitors see of calls, and what INFO counts", async (client, { connect }) => {
      await client.ask("function", "flush");
      await client.ask("function", "load", COUNTED);
      const monitor = await connect();
      await monitor.ask("monitor");
      await client.ask("config", "resetstat");
      for (const call of COUNTED_CALLS) await client.ask(...call);
      const seen: string[] = [];
      while (!seen.at(-1)?.includes('"echo"')) {
        const { text } = await monitor.next();
        seen.push(text.replace(/^[\d.]+ /, "").replace(/[\d.]+:\d+\]/, "address]"));
      }
      const { text } = await client.ask("info", "commandstats", "errorstats");
      const lines = text.split("\r\n").map((line) => line.replace(/usec=.*?call=[\d.]+,/, ""));
      return [seen, lines.filter((line) => !line.includes("|resetstat")).sort()];
    });

    probe("a pause of writes holds what may write", async (client, { connect }) => {
      await client.ask("function", "flush");
      await client.ask("function", "load", PAUSED);
      return playScene(connect, PAUSE);
    });

    dialogue("a library that takes for ever to load", function* (): Generator<Command> {
      yield ["function", "flush"];
      yield ["function", "load", library("a", F, "while true do end")];
      yield ["function", "list"];
      yield ["function", "load", A];
    });

    dialogue("a reload of the data set", function* (): Generator<Command> {
      yield ["function", "flush"];
      yield ["set", "k", "1"];
      yield ["function", "load", A];
      yield ["save"];
      yield ["function", "load", B];
      yield ["debug", "digest"];
      yield ["debug", "reload", "nosave"];
      yield ["function", "list", "withcode"];
      yield ["function", "load", B];
      yield ["debug", "reload"];
      yield ["function", "list", "withcode"];
      yield ["fcall", "g", "0"];
      yield ["debug", "reload", "noflush"];
      yield ["function", "list"];
      yield ["debug", "reload", "noflush", "merge"];
      yield ["function", "list"];
      yield ["debug", "digest"];
      yield ["function", "flush"];
      yield ["debug", "reload", "noflush", "merge", "nosave"];
      yield ["fcall", "f", "0"];
    });
  },
  { args: ["--enable-debug-command", "yes"] },
);
