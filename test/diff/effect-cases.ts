// Commands whose effects are not their own requests, or not always, which the random templates
// leave out because their answers depend on time or on chance. Written so that all of them end with
// the same data wherever they run.

import { binary } from "../harness/client.ts";
import type { Command } from "../harness/differential.ts";
import { dumpPayload, stringOf } from "../harness/rdb-bytes.ts";

const FAR_S = "33177117420";
const FAR_MS = "33177117420000";
/** What Redis 7.0 dumps "v" to. */
const PAYLOAD = binary("\x00\x01v\n\x00\x91\b\xce\xb2\x198\x8a\xce");

const LIBRARY = `#!lua name=effects
redis.register_function('put', function(keys, args)
  for _, key in ipairs(keys) do redis.call('set', key, args[1] or 'none') end
end)
redis.register_function('quiet', function(keys) return redis.call('get', 'a') end)
redis.register_function('unheard', function(keys)
  redis.set_repl(redis.REPL_NONE)
  redis.call('set', keys[1], 'unheard')
  redis.set_repl(redis.REPL_ALL)
  redis.call('set', keys[2], 'heard')
  redis.call('del', keys[1])
end)
redis.register_function('elsewhere', function(keys)
  redis.call('set', keys[1], 'here')
  redis.call('select', 31)
  redis.call('set', keys[1], 'there')
end)
redis.register_function('broken', function(keys)
  redis.call('incr', 'count')
  redis.call('incr', keys[1])
end)`;
const LIBRARY_PAYLOAD = dumpPayload(10, 0xf5, stringOf(LIBRARY));

/** The commands of each section, in order; those that our server does not know are left out. */
export const EFFECT_CASES: Readonly<Record<string, readonly Command[]>> = {
  "expiry by relative times": [
    ["set", "a", "1", "ex", "1000"],
    ["set", "b", "1", "px", "1000000", "get"],
    ["SET", "c", "1", "EXAT", FAR_S],
    ["set", "c", "1", "pxat", FAR_MS, "xx", "get"],
    ["set", "c", "1", "keepttl", "get"],
    ["set", "c", "2", "nx", "get"],
    ["setex", "d", "1000", "1"],
    ["psetex", "d", "1000000", "1"],
    ["expire", "a", "2000"],
    ["expire", "a", "1000", "gt"],
    ["pexpire", "a", "3000000"],
    ["expireat", "a", FAR_S],
    ["pexpireat", "a", FAR_MS, "xx"],
    ["getex", "a", "ex", "1000"],
    ["getex", "a", "px", "1000000"],
    ["getex", "a", "exat", FAR_S],
    ["getex", "a", "pxat", FAR_MS],
    ["getex", "a"],
    ["getex", "a", "persist"],
    ["getex", "a", "persist"],
    ["expire", "b", "-1"],
    ["pexpireat", "d", "1"],
    ["set", "e", "1"],
    ["getex", "e", "pxat", "1"],
    // Redis keeps a key with a time in the past until it comes across it.
    ["set", "f", "1", "pxat", "1"],
    ["set", "f", "1"],
    ["set", "f", "2", "exat", "1"],
    ["get", "f"],
    ["getdel", "c"],
    ["getdel", "c"],
    ["getset", "a", "5"],
    ["incrbyfloat", "a", "1.5"],
    ["incrbyfloat", "n", "3e3"],
    ["set", "v", "1", "ifeq", "2"],
  ],
  "sets by chance": [
    ["sadd", "s", "a"],
    ["spop", "s"],
    ["sadd", "s", "a", "b", "c"],
    ["spop", "s", "0"],
    ["spop", "s", "3"],
    ["spop", "s", "3"],
    ["sadd", "i", "1", "2", "3"],
    ["spop", "i", "10"],
    ["sadd", "one", "x"],
    ["spop", "one", "1"],
    ["sadd", "m", "x", "y"],
    ["smove", "m", "n", "x"],
    ["smove", "m", "n", "y"],
    ["smove", "m", "n", "z"],
    ["sunionstore", "u", "n", "absent"],
    ["sdiffstore", "u", "absent", "n"],
    ["sinterstore", "u", "n", "absent"],
    ["sinterstore", "u", "n", "absent"],
  ],
  "fields with times": [
    ["hset", "h", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5"],
    ["hexpire", "h", "1000", "fields", "2", "a", "b"],
    ["hpexpire", "h", "1000000", "nx", "fields", "2", "a", "c"],
    ["hexpireat", "h", FAR_S, "fields", "1", "a"],
    ["hpexpireat", "h", FAR_MS, "gt", "fields", "3", "a", "b", "none"],
    ["hpersist", "h", "fields", "3", "a", "a", "none"],
    ["hexpire", "h", "0", "fields", "1", "e"],
    ["hpexpireat", "h", "1", "fields", "2", "a", "none"],
    ["hgetex", "h", "ex", "1000", "fields", "2", "b", "c"],
    ["hgetex", "h", "px", "1000000", "fields", "1", "b"],
    ["hgetex", "h", "exat", FAR_S, "fields", "1", "b"],
    ["hgetex", "h", "pxat", FAR_MS, "fields", "2", "b", "none"],
    ["hgetex", "h", "persist", "fields", "2", "b", "none"],
    ["hgetex", "h", "fields", "1", "b"],
    ["hgetex", "h", "pxat", "1", "fields", "1", "c"],
    ["hsetex", "h", "ex", "1000", "fields", "2", "x", "1", "y", "2"],
    ["hsetex", "h", "fnx", "px", "1000000", "fields", "1", "x", "1"],
    ["hsetex", "h", "fxx", "exat", FAR_S, "fields", "1", "x", "1"],
    ["hsetex", "h", "pxat", FAR_MS, "fields", "1", "x", "3"],
    ["hsetex", "h", "keepttl", "fields", "1", "x", "4"],
    ["hsetex", "h", "pxat", "1", "fields", "1", "x", "5"],
    ["hsetex", "g", "fields", "1", "x", "5"],
    ["hgetdel", "h", "fields", "2", "y", "none"],
    ["hgetdel", "h", "fields", "2", "y", "none"],
    ["hincrbyfloat", "h", "b", "1.5"],
    ["hincrby", "h", "b2", "7"],
    ["hexpire", "h", "1000", "fields", "1", "b"],
    ["hincrbyfloat", "h", "b", "1.5"],
    ["hgetdel", "g", "fields", "1", "x"],
    ["hdel", "h", "b", "b2", "d"],
    ["hmset", "h", "a", "1", "b", "2"],
    ["hsetnx", "h", "a", "2"],
    ["hsetnx", "h", "c", "3"],
  ],
  "lists that move": [
    ["rpush", "l", "1", "2", "3", "4", "5", "6", "7", "8"],
    ["lpop", "l", "2"],
    ["rpop", "l"],
    ["lpop", "l", "0"],
    ["lmove", "l", "m", "left", "right"],
    ["rpoplpush", "l", "m"],
    ["rpoplpush", "l", "l"],
    ["lmpop", "2", "none", "l", "left", "count", "2"],
    ["blmpop", "0", "2", "none", "l", "right"],
    ["blpop", "l", "m", "0"],
    ["brpop", "none", "m", "0"],
    ["rpush", "l", "1", "2", "3"],
    ["brpoplpush", "l", "m", "0"],
    ["blmove", "l", "m", "right", "left", "0"],
    ["lpushx", "none", "1"],
    ["linsert", "m", "before", "none", "1"],
    ["lrem", "m", "0", "none"],
    ["ltrim", "m", "0", "0"],
    ["ltrim", "m", "5", "0"],
    ["lpop", "none"],
  ],
  "sorted sets that pop": [
    ["zadd", "z", "1", "a", "2", "b", "3", "c", "4", "d", "5", "e"],
    ["zadd", "z", "incr", "1.5", "a"],
    ["zadd", "z", "xx", "ch", "1", "a", "9", "none"],
    ["zadd", "z", "nx", "1", "a"],
    ["zadd", "z", "gt", "incr", "-1", "a"],
    ["zincrby", "z", "3e2", "a"],
    ["zpopmin", "z"],
    ["zpopmax", "z", "2"],
    ["zpopmin", "z", "0"],
    ["zmpop", "2", "none", "z", "max"],
    ["bzmpop", "0", "2", "none", "z", "min"],
    ["zpopmin", "z"],
    ["zadd", "z", "1", "a", "2", "b", "3", "c"],
    ["bzpopmin", "none", "z", "0"],
    ["bzpopmax", "z", "0"],
    ["zrangestore", "y", "z", "0", "-1"],
    ["zrangestore", "y", "none", "0", "-1"],
    ["zunionstore", "y", "2", "z", "none", "weights", "2", "3"],
    ["zinterstore", "y", "2", "z", "none"],
    ["zdiffstore", "y", "1", "z"],
    ["zremrangebyrank", "y", "0", "-1"],
    ["zremrangebyscore", "z", "5", "9"],
    ["zadd", "lex", "0", "a", "0", "b", "0", "c"],
    ["zremrangebylex", "lex", "[a", "(b"],
    ["zrem", "lex", "b", "none"],
    ["zrem", "lex", "b"],
  ],
  "streams with their own ids": [
    ["xadd", "x", "1-1", "a", "1"],
    ["xadd", "x", "1-*", "a", "2"],
    ["xadd", "x", "5", "a", "3"],
    ["xadd", "x", "nomkstream", "maxlen", "2", "6-1", "a", "4"],
    ["xadd", "none", "nomkstream", "6-1", "a", "4"],
    ["xadd", "x", "maxlen", "~", "1", "7-1", "a", "4"],
    ["xadd", "x", "minid", "=", "6", "8-1", "a", "4"],
    ["xadd", "dead", "1-1", "a", "1"],
    ["xadd", "dead", "2-1", "a", "1"],
    ["xdel", "dead", "1-1"],
    ["xadd", "dead", "minid", "~", "1", "3-1", "a", "1"],
    ["xadd", "dead", "minid", "~", "100", "4-1", "a", "1"],
    ["xadd", "dead", "5-1", "a", "1"],
    ["xtrim", "dead", "minid", "~", "100"],
    ["xtrim", "x", "maxlen", "~", "100"],
    ["xtrim", "x", "maxlen", "2"],
    ["xgroup", "create", "x", "g", "0"],
    ["xgroup", "create", "x", "h", "$", "entriesread", "3"],
    ["xgroup", "create", "mk", "g", "$", "mkstream"],
    ["xreadgroup", "group", "g", "alice", "count", "1", "streams", "x", ">"],
    ["xreadgroup", "group", "g", "bob", "noack", "streams", "x", ">"],
    ["xreadgroup", "group", "g", "carol", "streams", "x", "0"],
    ["xack", "x", "g", "7-1"],
    ["xadd", "x", "9-1", "a", "5"],
    ["xreadgroup", "group", "g", "alice", "streams", "x", ">"],
    ["xclaim", "x", "g", "bob", "0", "9-1"],
    ["xclaim", "x", "g", "bob", "0", "9-1", "justid"],
    ["xclaim", "x", "g", "dan", "0", "9-9", "force"],
    ["xautoclaim", "x", "g", "erin", "0", "0"],
    ["xgroup", "createconsumer", "x", "g", "frank"],
    ["xgroup", "delconsumer", "x", "g", "frank"],
    ["xgroup", "setid", "x", "h", "0"],
    ["xsetid", "x", "20-1"],
    ["xdel", "x", "9-1", "none"],
    ["xdel", "x", "9-1"],
    ["xgroup", "destroy", "x", "h"],
  ],
  "scripts and functions": [
    ["function", "load", LIBRARY],
    ["function", "load", LIBRARY],
    ["function", "load", "replace", LIBRARY],
    ["fcall", "put", "1", "a", "1"],
    ["fcall", "put", "3", "a", "b", "c", "1"],
    ["fcall", "put", "2", "a", "b"],
    ["fcall_ro", "put", "1", "a", "2"],
    ["fcall", "quiet", "1", "a"],
    ["fcall", "unheard", "2", "q", "r"],
    ["fcall", "elsewhere", "1", "a"],
    ["fcall", "broken", "1", "a"],
    ["multi"],
    ["fcall", "put", "2", "d", "e", "1"],
    ["fcall", "quiet", "0"],
    ["set", "f", "1"],
    ["exec"],
    ["eval", "redis.call('set', KEYS[1], 1) redis.call('expire', KEYS[1], 1000)", "1", "g"],
    ["eval", "return redis.call('spop', KEYS[1])", "1", "none"],
    ["function", "delete", "effects"],
    ["function", "delete", "effects"],
    ["function", "restore", LIBRARY_PAYLOAD],
    ["function", "restore", LIBRARY_PAYLOAD],
    ["function", "restore", LIBRARY_PAYLOAD, "replace"],
    ["function", "restore", LIBRARY_PAYLOAD, "flush"],
    ["function", "flush"],
    ["function", "flush", "async"],
    ["function", "load", LIBRARY],
  ],
  "keys that are restored": [
    ["restore", "a", "0", PAYLOAD],
    ["restore", "a", "0", PAYLOAD],
    ["restore", "a", "1000000", PAYLOAD, "replace"],
    ["RESTORE", "a", FAR_MS, PAYLOAD, "ABSTTL", "REPLACE"],
    ["restore", "b", "1000000", PAYLOAD, "replace", "idletime", "5"],
    ["restore", "c", "0", PAYLOAD, "freq", "5"],
    ["restore", "c", "1", PAYLOAD, "replace", "absttl"],
    ["restore", "none", "1", PAYLOAD, "absttl"],
    ["restore-asking", "d", "0", PAYLOAD],
  ],
  "keys that move": [
    ["set", "a", "1"],
    ["copy", "a", "b"],
    ["copy", "a", "b"],
    ["rename", "a", "c"],
    ["renamenx", "b", "c"],
    ["rename", "c", "c"],
    ["move", "c", "31"],
    ["unlink", "b", "none"],
    ["del", "none"],
    ["rpush", "l", "3", "1", "2"],
    ["sort", "l", "store", "sorted"],
    ["sort", "none", "store", "sorted"],
    ["flushdb", "async"],
  ],
};

/** What a client waits with, and what another one does then. */
export interface WaitingScene {
  readonly waits: Command;
  readonly serves: readonly Command[];
}

/** Scenes in which a command is served by a later one of another client. */
export const WAITING_SCENES: readonly WaitingScene[] = [
  { waits: ["blpop", "a", "b", "0"], serves: [["rpush", "b", "1", "2", "3"]] },
  { waits: ["brpop", "a", "0"], serves: [["lpush", "a", "1"]] },
  {
    waits: ["blpop", "a", "0"],
    serves: [
      ["rpush", "o", "1"],
      ["rename", "o", "a"],
    ],
  },
  { waits: ["blmove", "a", "c", "left", "right", "0"], serves: [["rpush", "a", "1", "2"]] },
  { waits: ["brpoplpush", "e", "e", "0"], serves: [["rpush", "e", "1", "2"]] },
  {
    waits: ["blmpop", "0", "2", "x", "y", "right", "count", "2"],
    serves: [["rpush", "y", "1", "2", "3"]],
  },
  { waits: ["bzpopmin", "z", "0"], serves: [["zadd", "z", "1", "one", "2", "two"]] },
  { waits: ["bzpopmax", "z2", "0"], serves: [["zadd", "z2", "1", "one"]] },
  {
    waits: ["bzmpop", "0", "1", "z3", "max", "count", "9"],
    serves: [["zadd", "z3", "1", "m", "2", "n"]],
  },
  { waits: ["xread", "block", "0", "streams", "s", "$"], serves: [["xadd", "s", "1-1", "f", "v"]] },
  {
    waits: ["xreadgroup", "group", "g", "alice", "block", "0", "streams", "t", ">"],
    serves: [["xadd", "t", "1-1", "f", "v"]],
  },
  {
    waits: ["xreadgroup", "group", "g", "bob", "block", "0", "noack", "streams", "t", ">"],
    serves: [
      ["xadd", "t", "1-2", "f", "v"],
      ["xadd", "t", "1-3", "f", "v"],
    ],
  },
  {
    waits: ["xreadgroup", "group", "g", "bob", "block", "0", "streams", "u", ">"],
    serves: [["del", "u"]],
  },
  { waits: ["blpop", "q", "0"], serves: [["sort", "list", "store", "q"]] },
  { waits: ["blpop", "q2", "0"], serves: [["copy", "list", "q2"]] },
  {
    waits: ["blmove", "q3", "text", "left", "left", "0"],
    serves: [
      ["rpush", "q3", "1"],
      ["del", "q3"],
    ],
  },
];

/** What the scenes start from. */
export const SCENE_SETTING: readonly Command[] = [
  ["rpush", "list", "3", "1", "2"],
  ["set", "text", "abc"],
  ["xgroup", "create", "t", "g", "$", "mkstream"],
  ["xgroup", "create", "u", "g", "$", "mkstream"],
];
