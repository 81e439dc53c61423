// Scripts that are compiled to JavaScript: what they do by themselves, and how the virtual machine
// takes over. In tests a script is compiled when it is called first.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { generate } from "../../../src/scripting/compiled/generator.ts";
import { parse } from "../../../src/scripting/compiled/parser.ts";
import { type Peer, requestOf, ServerFixture } from "../server/server-fixture.ts";

let fixture: ServerFixture;
let peer: Peer;

beforeEach(() => {
  fixture = new ServerFixture();
  fixture.recordEffects();
  peer = fixture.connect();
});

afterEach(() => fixture.verify());

function ask(...words: string[]): string {
  peer.send(requestOf(...words));
  return peer.transport.take();
}

function evaluate(script: string, ...words: string[]): string {
  return ask("eval", script, "1", "k", ...words);
}

/** How often the script that was called last has been left to the machine; NaN: not compiled. */
function takenOver(): number {
  const script = [...fixture.server.scripting.scripts].at(-1)!;
  return script.compiled === undefined ? Number.NaN : script.takenOver;
}

test.each([
  ["return 1", ":1\r\n"],
  ["return 3.99", ":3\r\n"],
  ["return -7 % 3", ":2\r\n"],
  ["return '10' + 5", ":15\r\n"],
  ["return 1 .. 2.5 .. 'x'", "$5\r\n12.5x\r\n"],
  ["return ('abcdef'):sub(-3, 5)", "$2\r\nde\r\n"],
  ["return redis.call('SET', KEYS[1], ARGV[1])", "+OK\r\n"],
  ["return redis.call('INCR', 'n')", ":1\r\n"],
  ["return redis.call('GET', 'none')", "$-1\r\n"],
  [
    "redis.call('RPUSH', 'l', unpack(ARGV)) return redis.call('LRANGE', 'l', 0, -1)",
    "*1\r\n$1\r\na\r\n",
  ],
  ["local t = {} for i = 1, #ARGV do t[i] = ARGV[i] .. i end return t", "*1\r\n$2\r\na1\r\n"],
  ["local s = 0 for i = 10, 1, -2 do s = s + i if i < 5 then break end end return s", ":28\r\n"],
  ["local n = 0 repeat local m = n n = n + 1 until m == 4 return n", ":5\r\n"],
  ["local a, b = 1, 2 a, b = b, a return {a, b}", "*2\r\n:2\r\n:1\r\n"],
  ["local a a, a = 1, 2 return a", ":1\r\n"],
  ["local get, key = redis.call, KEYS[1] return get('STRLEN', key)", ":0\r\n"],
  ["return redis.call('SET', 'k', 'v').ok == 'OK' and type(nil)", "$3\r\nnil\r\n"],
  ["return {1, redis.call('GET', 'none'), true}", "*3\r\n:1\r\n$-1\r\n:1\r\n"],
  [
    "local function twice(x) return x * 2 end local f = function(x) return twice(twice(x)) end " +
      "return f(3)",
    ":12\r\n",
  ],
  ["local function get(key) return redis.call('GET', key) end return get('none')", "$-1\r\n"],
  ["local function none() end none(1, 2) local x = none() return type(x)", "$3\r\nnil\r\n"],
  ["redis.call('INCR', 'n') return redis.error_reply('FULL no room')", "-FULL no room\r\n"],
  ["return redis.error_reply(ARGV[1])", "-ERR a\r\n"],
  ["return {err = 'BAD'}", "-BAD\r\n"],
  ["return {{ok = 'FINE'}, redis.status_reply('OK')}", "*2\r\n+FINE\r\n+OK\r\n"],
])("%s runs without the machine", (script, reply) => {
  expect(evaluate(script, "a")).toBe(reply);
  expect(takenOver()).toBe(0);
});

test("what is taken over has run each command once, and is one unit", () => {
  const script = `redis.call('INCR', 'n') local l = redis.call('LPUSH', 'l', 'x')
    local other = {x = redis.call('GET', 'n')} redis.call('INCR', 'n') return {l, other.x}`;
  expect(evaluate(script)).toBe("*2\r\n:1\r\n$1\r\n1\r\n");
  expect(takenOver()).toBe(1);
  expect(fixture.effects).toEqual(["-1 MULTI", "0 INCR n", "0 LPUSH l x", "0 INCR n", "-1 EXEC"]);
});

test("a script that fails after it has written ends with Lua's error", () => {
  const script = "redis.call('SET', KEYS[1], 'v')\nreturn redis.call('LPUSH', KEYS[1], 1)";
  expect(evaluate(script)).toContain("-WRONGTYPE Operation against a key holding the wrong");
  expect(evaluate(script)).toContain(", on @user_script:2.\r\n");
  expect(takenOver()).toBe(2);
  expect(ask("info", "commandstats")).toMatch(/cmdstat_lpush:calls=2,.*failed_calls=2/);
});

test("functions of libraries are compiled with the functions that they call", () => {
  const code = `#!lua name=lib
    local FACTOR, seen = 3, {}
    local function times(x) return x * FACTOR end
    local n = 0
    redis.register_function('triple', function(keys, args)
      redis.call('SET', keys[1], times(args[1])) return redis.call('GET', keys[1]) end)
    redis.register_function{function_name='names', flags={'no-writes'},
      callback=function(k, a, more) return {#k, #a, type(more), k[1] .. a[1]} end}`;
  expect(ask("function", "load", code)).toBe("$3\r\nlib\r\n");
  expect(ask("fcall", "triple", "1", "k", "5")).toBe("$2\r\n15\r\n");
  expect(ask("fcall", "names", "1", "k", "a")).toBe("*4\r\n:1\r\n:1\r\n$3\r\nnil\r\n$2\r\nka\r\n");
  for (const { functions } of fixture.server.libraries.all) {
    for (const { compiled, takenOver } of functions.values()) {
      expect([typeof compiled, takenOver]).toEqual(["function", 0]);
    }
  }
});

test("what a library keeps is the machine's", () => {
  const code = `#!lua name=lib\nlocal calls = 0
    redis.register_function('count', function() calls = calls + 1 return calls end)`;
  ask("function", "load", code);
  expect(ask("fcall", "count", "0") + ask("fcall", "count", "0")).toBe(":1\r\n:2\r\n");
});

test("an error that a script returns is counted once", () => {
  evaluate("redis.call('INCR', 'n') return redis.error_reply('FULL no room')");
  evaluate("return {redis.error_reply('FULL no room'), {x = 1}}");
  expect(ask("info", "errorstats")).toContain("errorstat_FULL:count=2\r\n");
});

test("what a function does not return is told from nil", () => {
  expect(evaluate("local function none() end return {1, none()}")).toBe("*1\r\n:1\r\n");
  expect(takenOver()).toBe(1);
});

test("a loop that goes on is taken over", () => {
  const script = "local n = 0 while n < 1e6 do n = n + 1 end return redis.call('INCRBY', 'n', n)";
  expect(evaluate(script)).toBe(":1000000\r\n");
  expect(takenOver()).toBe(1);
});

test("more replies than are kept make the machine take over", () => {
  const script = "local n for i = 1, 2000 do n = redis.call('INCR', 'n') end return n";
  expect(evaluate(script)).toBe(":2000\r\n");
  expect(takenOver()).toBe(1);
});

test.each([
  "local n = 1 local function f() n = n + 1 return n end return n + f()",
  "local function f(n) return n > 0 and f(n - 1) or n end return f(3)",
  "local function f() return 1, 2 end return f()",
  "return (function(...) return ... end)(1)",
  "return 2 ^ 53",
  "local zero, other = 0, -0 return zero .. other",
])("%s is not compiled", (script) => {
  expect(evaluate(script)).not.toStartWith("-");
  expect(takenOver()).toBeNaN();
});

test("nothing of a script's text is part of the code", () => {
  const hostile = "local x = '\\\"`*/ //evil' local evil = x .. ARGV['evil'] return evil";
  const { source, constants } = generate(parse(latin1Bytes(hostile)), () => undefined);
  expect(source).not.toContain("evil");
  expect(constants).toContain('"`*/ //evil');
});

test("the reply's protocol is the client's", () => {
  ask("hello", "3");
  expect(evaluate("return redis.call('GET', 'none')")).toBe("_\r\n");
  expect(evaluate("return redis.call('MGET', 'none', 'none')")).toBe("*2\r\n_\r\n_\r\n");
});
