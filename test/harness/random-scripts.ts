// Random scripts and functions for the differential fuzzer: they run random commands of other
// families, as many as come in their arguments, whose replies they return as a list.

import type { Argument } from "./client.ts";
import { type Choices, HOSTILE_STRINGS } from "./generate.ts";
import { key, type Template, value } from "./random-choices.ts";

type Templates = Readonly<Record<string, Template>>;

const INNER_MAX = 5;

/** Replies whose order is that of a hash table; other databases belong to other families. */
const LEFT_OUT = new Set([
  ...["keys", "smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "hgetall"],
  ...["select", "swapdb", "move", "copy"],
]);

/** Runs what ARGV says: the count of words of each command, and the words. */
function runner(call: "call" | "pcall", list: string): string {
  return `local replies, at = {}, 1
    while at <= #${list} do
      local count, words = tonumber(${list}[at]), {}
      if not (count >= 0 and count < 100) then error('bad count ' .. count) end
      for k = 1, count do words[k] = ${list}[at + k] end
      local reply = redis.${call}(unpack(words))
      if reply == nil then reply = 'nil' end
      replies[#replies + 1] = reply
      at = at + count + 1
    end
    return replies`;
}

const SCRIPTS = [
  runner("pcall", "ARGV"),
  runner("call", "ARGV"),
  `redis.setresp(3) ${runner("pcall", "ARGV")}`,
  `#!lua\n${runner("pcall", "ARGV")}`,
  `#!lua flags=no-writes\n${runner("call", "ARGV")}`,
];

const DIGESTS = SCRIPTS.map((text) => new Bun.CryptoHasher("sha1").update(text).digest("hex"));

/** Small ones, which do something with one key and one value. */
const SMALL = [
  ...["return {KEYS[1], ARGV[1], #KEYS, #ARGV}", "return ARGV[1] + 1", "return tonumber(ARGV[1])"],
  ...["return redis.call('set', KEYS[1], ARGV[1])", "return redis.call('get', KEYS[1])"],
  ...["return redis.sha1hex(ARGV[1])", "return cjson.encode({ARGV[1]})", "return #ARGV[1]"],
  ...["return {pcall(redis.call, ARGV[1], KEYS[1])}", "return redis.error_reply(ARGV[1])"],
  ...["return redis.status_reply(ARGV[1])", "return cmsgpack.pack(tonumber(ARGV[1]))"],
  ...["return cjson.decode(cmsgpack.unpack(cmsgpack.pack(cjson.encode({ARGV[1]}))))[1]"],
  ...["return {big_number=ARGV[1]}", "return {err=ARGV[1]}", "return {verbatim_string=ARGV[1]}"],
  ...["return {verbatim_string={format='txt', string=ARGV[1]}}", "return {ok=ARGV[1]}"],
  ...["return redis.call('type', KEYS[1])", "return {double=tonumber(ARGV[1])}"],
  ...["redis.call('del', KEYS[1]) error(ARGV[1])", "return redis.call('append', KEYS[1], 1e3)"],
  ...["return redis.call('rpush', KEYS[1], 1, 2.5, 1e15, -0.1)", "return string.reverse(ARGV[1])"],
];

const LIBRARY = `#!lua name=fuzzed
local calls = 0
redis.register_function('run', function(keys, args)
  calls = calls + 1
  ${runner("pcall", "args")}
end)
redis.register_function('strict', function(keys, args) ${runner("call", "args")} end)
redis.register_function{function_name='look', flags={'no-writes'},
  callback=function(keys, args) ${runner("pcall", "args")} end}
redis.register_function{function_name='calls', flags={'no-writes'},
  callback=function() return calls end}`;

const FUNCTIONS = ["run", "strict", "look", "calls", "RUN", "nosuch"];

/** Templates whose scripts run commands by the templates given. */
export function scriptTemplates(inner: Templates): Templates {
  const names = Object.keys(inner).filter((name) => !LEFT_OUT.has(name));
  const commands = (c: Choices): Argument[] =>
    Array.from({ length: c.below(INNER_MAX) }, () => {
      const command = inner[c.pick(names)](c);
      return [command.length, ...command];
    }).flat();
  const small = (c: Choices): Argument[] => [c.pick(SMALL), 1, key(c), value(c)];
  const evaluated = (name: string) => (c: Choices) =>
    c.oneIn(4) ? [name, ...small(c)] : [name, c.pick(SCRIPTS), 0, ...commands(c)];
  const named = (name: string, known: readonly string[]) => (c: Choices) => [
    ...[name, c.oneIn(30) ? c.pick(HOSTILE_STRINGS) : c.pick(known)],
    ...(c.oneIn(20) ? [c.below(4)] : [0]),
    ...commands(c),
  ];
  return {
    eval: evaluated("eval"),
    eval_ro: evaluated("eval_ro"),
    evalsha: named("evalsha", DIGESTS),
    evalsha_ro: named("evalsha_ro", DIGESTS),
    fcall: named("fcall", FUNCTIONS),
    fcall_ro: named("fcall_ro", FUNCTIONS),
    function: (c) => {
      if (c.oneIn(4)) return ["function", "delete", c.pick(["fuzzed", "nosuch"])];
      return ["function", "load", ...(c.oneIn(3) ? [] : ["replace"]), LIBRARY];
    },
  };
}
