// Commands that cause every keyspace event there is, beside those whose effects are special.

import type { Command } from "../harness/differential.ts";

/** The commands of each section, in order. */
export const EVENT_CASES: Readonly<Record<string, readonly Command[]>> = {
  "keys that are missing": [
    ...[
      ["get", "no"],
      ["mget", "no", "no"],
      ["ttl", "no"],
      ["pttl", "no"],
      ["type", "no"],
    ],
    ...[
      ["exists", "no", "no"],
      ["touch", "no"],
      ["object", "encoding", "no"],
      ["dump", "no"],
    ],
    ...[
      ["strlen", "no"],
      ["getrange", "no", "0", "1"],
      ["getbit", "no", "1"],
      ["bitcount", "no"],
    ],
    ...[
      ["bitpos", "no", "1"],
      ["llen", "no"],
      ["lrange", "no", "0", "1"],
      ["lindex", "no", "0"],
    ],
    ...[
      ["lpos", "no", "x"],
      ["scard", "no"],
      ["smembers", "no"],
      ["sismember", "no", "x"],
    ],
    ...[
      ["sinter", "no", "no2"],
      ["sunion", "no"],
      ["sdiff", "no"],
      ["srandmember", "no"],
    ],
    ...[
      ["hget", "no", "f"],
      ["hgetall", "no"],
      ["hlen", "no"],
      ["hmget", "no", "f"],
    ],
    ...[
      ["zscore", "no", "m"],
      ["zrange", "no", "0", "1"],
      ["zcard", "no"],
      ["zrank", "no", "m"],
    ],
    ...[
      ["xlen", "no"],
      ["xrange", "no", "-", "+"],
      ["xread", "streams", "no", "0"],
    ],
    ...[
      ["copy", "no", "to"],
      ["rename", "no", "to"],
      ["del", "no"],
      ["getdel", "no"],
    ],
    ...[
      ["getex", "no"],
      ["getset", "gs", "v"],
      ["set", "sg", "v", "get"],
      ["sort", "no"],
    ],
    ...[
      ["geopos", "no", "m"],
      ["pfcount", "no"],
      ["lcs", "no", "no2"],
      ["expire", "no", "10"],
    ],
    ...[
      ["persist", "no"],
      ["spop", "no"],
      ["lpop", "no"],
      ["zpopmin", "no"],
      ["hdel", "no", "f"],
    ],
    ...[
      ["xack", "no", "g", "1-1"],
      ["xpending", "no", "g"],
      ["xinfo", "stream", "no"],
    ],
    ...[
      ["memory", "usage", "no"],
      ["scan", "0"],
      ["append", "ap", "x"],
      ["incr", "in"],
    ],
    ...[
      ["object", "freq", "no"],
      ["expiretime", "no"],
      ["substr", "no", "0", "1"],
    ],
    ...[
      ["xautoclaim", "no", "g", "c", "0", "0"],
      ["xclaim", "no", "g", "c", "0", "1-1"],
    ],
    ...[
      ["hexpire", "no", "10", "fields", "1", "f"],
      ["httl", "no", "fields", "1", "f"],
    ],
    ...[
      ["hgetex", "no", "fields", "1", "f"],
      ["hgetdel", "no", "fields", "1", "f"],
    ],
    ...[
      ["pfmerge", "pm", "no"],
      ["bitop", "and", "bo", "no"],
      ["zunion", "1", "no"],
    ],
    ...[
      ["zrangestore", "zs", "no", "0", "1"],
      ["zdiffstore", "zs", "1", "no"],
    ],
    ...[
      ["hscan", "no", "0"],
      ["sscan", "no", "0"],
      ["zscan", "no", "0"],
      ["hrandfield", "no"],
    ],
    ...[
      ["sintercard", "1", "no"],
      ["smove", "no", "no2", "x"],
      ["bitfield_ro", "no"],
    ],
  ],
  "keys that are replaced": [
    ...[
      ["set", "a", "1"],
      ["set", "b", "2"],
      ["rename", "a", "b"],
      ["renamenx", "b", "c"],
    ],
    ...[
      ["copy", "c", "d"],
      ["copy", "c", "d", "replace"],
      ["copy", "c", "d", "db", "1"],
    ],
    ...[
      ["move", "c", "1"],
      ["move", "d", "2"],
      ["set", "l", "x"],
      ["rpush", "list", "3", "1"],
    ],
    ...[
      ["sort", "list", "store", "l"],
      ["sort", "list", "store", "new"],
      ["set", "b2", "x"],
    ],
    ...[
      ["sort", "absent", "store", "l"],
      ["sort", "absent", "store", "l"],
      ["mset", "x", "1"],
    ],
    ...[
      ["msetnx", "p", "1", "q", "2"],
      ["bitop", "not", "x", "p"],
      ["bitop", "or", "y", "p", "q"],
    ],
    ...[
      ["bitop", "or", "y", "absent"],
      ["pfadd", "hll", "a"],
      ["pfadd", "hll", "a"],
    ],
    ...[
      ["pfmerge", "hll2", "hll"],
      ["pfcount", "hll"],
      ["setbit", "bits", "7", "1"],
    ],
    ...[
      ["setbit", "bits", "7", "1"],
      ["bitfield", "bits", "set", "u8", "0", "9"],
    ],
    ...[
      ["setrange", "new2", "3", "x"],
      ["setrange", "new2", "0", ""],
      ["getset", "new3", "v"],
    ],
    ...[
      ["unlink", "x", "p", "absent"],
      ["del", "q", "new2"],
      ["getdel", "new3"],
    ],
    ...[
      ["decrby", "n", "4"],
      ["decr", "n"],
      ["incrbyfloat", "n", "1"],
      ["append", "n", "0"],
    ],
    ...[
      ["set", "n", "v", "nx"],
      ["set", "n", "v", "xx"],
      ["setnx", "n", "v"],
      ["setnx", "m", "v"],
    ],
    ...[
      ["sadd", "set", "a"],
      ["sunionstore", "m", "set"],
      ["sunionstore", "m2", "set"],
    ],
    ...[
      ["set", "m", "v"],
      ["zadd", "zset", "1", "a"],
      ["zunionstore", "m", "1", "zset"],
    ],
  ],
  "collections that grow and end": [
    ...[
      ["rpush", "l", "a", "b", "c"],
      ["lpush", "l", "x"],
      ["rpushx", "l", "y"],
      ["lpushx", "no", "y"],
    ],
    ...[
      ["linsert", "l", "before", "a", "z"],
      ["linsert", "l", "before", "no", "z"],
    ],
    ...[
      ["lset", "l", "0", "q"],
      ["lrem", "l", "0", "no"],
      ["lrem", "l", "0", "q"],
    ],
    ...[
      ["ltrim", "l", "0", "1"],
      ["lmove", "l", "l2", "left", "right"],
      ["lmove", "l", "l", "left", "right"],
    ],
    ...[
      ["rpoplpush", "l", "l2"],
      ["lpop", "l2", "0"],
      ["lpop", "l2", "9"],
      ["rpush", "l", "a"],
    ],
    ...[
      ["lrem", "l", "0", "a"],
      ["rpush", "l", "a"],
      ["ltrim", "l", "5", "6"],
      ["rpush", "l", "a", "b"],
    ],
    ...[
      ["lmpop", "2", "no", "l", "right", "count", "5"],
      ["rpush", "l", "a"],
      ["blpop", "no", "l", "0"],
    ],
    ...[
      ["rpush", "l", "a", "b"],
      ["brpop", "l", "0"],
      ["blmove", "l", "k", "left", "left", "0"],
    ],
    ...[
      ["sadd", "s", "a", "b"],
      ["sadd", "s", "a"],
      ["srem", "s", "no"],
      ["smove", "s", "t", "a"],
    ],
    ...[
      ["sadd", "s", "a"],
      ["smove", "s", "t", "a"],
      ["smove", "s", "t", "b"],
      ["srem", "t", "a", "b"],
    ],
    ...[
      ["sadd", "s", "a"],
      ["spop", "s"],
      ["sadd", "s", "a", "b"],
      ["spop", "s", "5"],
    ],
    ...[
      ["sadd", "s", "a"],
      ["sinterstore", "d", "s"],
      ["sinterstore", "d", "no"],
      ["sdiffstore", "d", "s"],
    ],
    ...[
      ["sdiffstore", "d", "no"],
      ["sdiffstore", "d", "no"],
      ["smove", "s", "s", "a"],
    ],
    ...[
      ["hset", "h", "a", "1", "b", "2"],
      ["hset", "h", "a", "1"],
      ["hmset", "h", "c", "3"],
    ],
    ...[
      ["hsetnx", "h", "c", "3"],
      ["hsetnx", "h", "d", "4"],
      ["hincrby", "h", "n", "1"],
    ],
    ...[
      ["hincrbyfloat", "h", "n", "1.5"],
      ["hdel", "h", "no"],
      ["hdel", "h", "a", "b", "c", "d", "n"],
    ],
    ...[
      ["hset", "h", "a", "1"],
      ["hgetdel", "h", "fields", "1", "a"],
      ["hset", "h", "a", "1", "b", "2"],
    ],
    ...[
      ["hexpire", "h", "100", "fields", "1", "a"],
      ["hexpire", "h", "0", "fields", "1", "a"],
    ],
    ...[
      ["hexpire", "h", "0", "fields", "1", "b"],
      ["hsetex", "h", "ex", "0", "fields", "1", "a", "1"],
    ],
    ...[
      ["hsetex", "h", "pxat", "1", "fields", "1", "a", "1"],
      ["hset", "h", "a", "1"],
    ],
    ...[
      ["hgetex", "h", "ex", "100", "fields", "1", "a"],
      ["hgetex", "h", "persist", "fields", "1", "a"],
    ],
    ...[
      ["hpexpireat", "h", "1", "fields", "1", "a"],
      ["hsetex", "h", "ex", "9", "fields", "1", "a", "1"],
    ],
    ...[["hgetex", "h", "pxat", "1", "fields", "1", "a"]],
  ],
  "sorted sets and streams": [
    ...[
      ["zadd", "z", "1", "a", "2", "b"],
      ["zadd", "z", "1", "a"],
      ["zadd", "z", "ch", "5", "a"],
    ],
    ...[
      ["zadd", "z", "incr", "1", "a"],
      ["zincrby", "z", "1", "a"],
      ["zincrby", "z", "0", "a"],
    ],
    ...[
      ["zadd", "z", "xx", "1", "no"],
      ["zrem", "z", "no"],
      ["zrem", "z", "a"],
      ["zrem", "z", "b"],
    ],
    ...[
      ["zadd", "z", "1", "a", "2", "b", "3", "c", "4", "d"],
      ["zpopmin", "z"],
      ["zpopmax", "z", "1"],
    ],
    ...[
      ["zmpop", "1", "z", "min"],
      ["bzpopmax", "z", "0"],
      ["zadd", "z", "1", "a", "2", "b", "3", "c"],
    ],
    ...[
      ["zremrangebyrank", "z", "0", "0"],
      ["zremrangebyscore", "z", "2", "2"],
    ],
    ...[
      ["zremrangebylex", "z", "-", "+"],
      ["zadd", "z", "1", "a"],
      ["zunionstore", "u", "1", "z"],
    ],
    ...[
      ["zinterstore", "u", "1", "z"],
      ["zdiffstore", "u", "1", "z"],
      ["zdiffstore", "u", "1", "no"],
    ],
    ...[
      ["zrangestore", "u", "z", "0", "-1"],
      ["zrangestore", "u", "z", "5", "6"],
      ["zpopmin", "z", "9"],
    ],
    ...[
      ["geoadd", "g", "1", "1", "m"],
      ["geosearchstore", "u", "g", "frommember", "m", "byradius", "1", "m"],
    ],
    ...[
      ["georadius", "g", "1", "1", "1", "km", "store", "u"],
      ["georadius", "no", "1", "1", "1", "km", "store", "u"],
    ],
    ...[["georadiusbymember", "g", "m", "1", "km", "storedist", "u"]],
    ...[
      ["xadd", "x", "1-1", "a", "b"],
      ["xadd", "x", "maxlen", "1", "2-1", "a", "b"],
      ["xdel", "x", "9-9"],
    ],
    ...[
      ["xadd", "x", "maxlen", "5", "3-1", "a", "b"],
      ["xdel", "x", "3-1"],
      ["xtrim", "x", "maxlen", "0"],
    ],
    ...[
      ["xtrim", "x", "maxlen", "0"],
      ["xsetid", "x", "9-9"],
      ["xgroup", "create", "x", "g", "0"],
    ],
    ...[
      ["xgroup", "create", "y", "g", "0", "mkstream"],
      ["xgroup", "setid", "x", "g", "$"],
    ],
    ...[
      ["xgroup", "createconsumer", "x", "g", "c"],
      ["xgroup", "createconsumer", "x", "g", "c"],
    ],
    ...[
      ["xgroup", "delconsumer", "x", "g", "c"],
      ["xgroup", "delconsumer", "x", "g", "c"],
    ],
    ...[
      ["xadd", "x", "10-1", "a", "b"],
      ["xreadgroup", "group", "g", "c", "streams", "x", ">"],
    ],
    ...[
      ["xack", "x", "g", "10-1"],
      ["xclaim", "x", "g", "d", "0", "10-1"],
    ],
    ...[
      ["xautoclaim", "x", "g", "e", "0", "0"],
      ["xgroup", "destroy", "x", "g"],
    ],
    ...[
      ["xadd", "new", "nomkstream", "*", "a", "b"],
      ["xreadgroup", "group", "g", "f", "streams", "y", "0"],
    ],
  ],
  "times that have come": [
    ...[
      ["set", "a", "1", "pxat", "1"],
      ["get", "a"],
      ["set", "a", "1", "pxat", "1"],
      ["set", "a", "2"],
    ],
    ...[
      ["set", "a", "1", "pxat", "1"],
      ["del", "a"],
      ["set", "a", "1", "pxat", "1"],
      ["rename", "a", "b"],
    ],
    ...[
      ["set", "a", "1", "pxat", "1"],
      ["exists", "a"],
      ["set", "a", "1", "px", "1"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["incr", "a"],
      ["set", "b", "1"],
      ["set", "a", "1", "pxat", "1"],
      ["copy", "b", "a"],
    ],
    ...[["hset", "h", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7"]],
    ...[
      ["hpexpire", "h", "1", "fields", "6", "a", "b", "c", "d", "e", "f"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["hget", "h", "a"],
      ["hexists", "h", "a"],
      ["hmget", "h", "b", "c", "g"],
      ["hgetall", "h"],
    ],
    ...[
      ["hlen", "h"],
      ["hgetdel", "h", "fields", "2", "d", "g"],
      ["hset", "h", "g", "1"],
    ],
    ...[
      ["hgetex", "h", "fields", "1", "e"],
      ["hsetnx", "h", "f", "1"],
      ["hkeys", "h"],
    ],
    ...[
      ["hset", "k", "a", "1"],
      ["hpexpire", "k", "1", "fields", "1", "a"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["hget", "k", "a"],
      ["hset", "k", "a", "1"],
      ["hpexpire", "k", "1", "fields", "1", "a"],
    ],
    ...[
      ["debug", "sleep", "0.01"],
      ["hmget", "k", "a", "b"],
      ["hset", "k", "a", "1"],
    ],
    ...[
      ["hpexpire", "k", "1", "fields", "1", "a"],
      ["debug", "sleep", "0.01"],
      ["hdel", "k", "a"],
    ],
    ...[
      ["hset", "k", "a", "1"],
      ["hpexpire", "k", "1", "fields", "1", "a"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["hincrby", "k", "a", "1"],
      ["hpexpire", "k", "1", "fields", "1", "a"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["hgetex", "k", "persist", "fields", "1", "a"],
      ["hset", "k", "a", "1", "b", "1"],
    ],
    ...[
      ["hpexpire", "k", "1", "fields", "2", "a", "b"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["hsetex", "k", "fnx", "fields", "1", "a", "1"],
      ["hrandfield", "k"],
      ["hgetdel", "k", "fields", "1", "a"],
    ],
    ...[
      ["hset", "k", "a", "1", "b", "1"],
      ["hpexpire", "k", "1", "fields", "1", "a"],
      ["debug", "sleep", "0.01"],
    ],
    ...[
      ["hsetex", "k", "fxx", "fields", "1", "a", "1"],
      ["hstrlen", "k", "a"],
      ["hset", "k", "a", "5"],
    ],
    ...[
      ["set", "e", "1"],
      ["expire", "e", "100"],
      ["persist", "e"],
      ["persist", "e"],
      ["expire", "e", "0"],
    ],
    ...[
      ["set", "e", "1"],
      ["getex", "e", "ex", "10"],
      ["getex", "e", "persist"],
      ["getex", "e", "pxat", "1"],
    ],
  ],
};
