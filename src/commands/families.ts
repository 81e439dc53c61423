// Every command family of the server, by its commands' names. A family is loaded when one of them
// is first looked up: a server that has just started knows names only, which is most of why it
// starts fast. A new family is one line here; a test checks the names against what it declares.
//
// `require` is what loads a module in the midst of a command: at once, and only if it is reached.

import { type DeferredFamily, deferFamily } from "../command/spec.ts";
import type { Features } from "./features.ts";

export const families: readonly DeferredFamily<Features>[] = [
  deferFamily("ACL", () => require("./acl.ts").aclCommands),
  deferFamily("SETBIT GETBIT BITCOUNT BITPOS", () => require("./bitmaps.ts").bitmapCommands),
  deferFamily("BITFIELD BITFIELD_RO", () => require("./bitmaps-field.ts").bitmapFieldCommands),
  deferFamily("BITOP", () => require("./bitmaps-operations.ts").bitmapOperationCommands),
  deferFamily("CLIENT", () => require("./client.ts").clientCommands),
  deferFamily("COMMAND", () => require("./command.ts").commandCommands),
  deferFamily("CONFIG", () => require("./config.ts").configCommands),
  deferFamily(
    "AUTH ECHO HELLO PING QUIT RESET SELECT",
    () => require("./connection.ts").connectionCommands,
  ),
  deferFamily("DBSIZE FLUSHALL FLUSHDB SWAPDB", () => require("./databases.ts").databaseCommands),
  deferFamily("DEBUG", () => require("./debug.ts").debugCommands),
  deferFamily("DUMP RESTORE", () => require("./dump.ts").dumpCommands),
  deferFamily("RESTORE-ASKING", () => require("./dump.ts").restoreAskingCommands),
  deferFamily(
    "EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST EXPIRETIME PEXPIRETIME TTL PTTL",
    () => require("./expiry.ts").expiryCommands,
  ),
  deferFamily(
    "EXISTS TOUCH TYPE RANDOMKEY DEL UNLINK COPY MOVE RENAME RENAMENX",
    () => require("./generic.ts").genericCommands,
  ),
  deferFamily("FCALL FCALL_RO FUNCTION", () => require("./functions.ts").functionCommands),
  deferFamily("GEOADD GEODIST GEOHASH GEOPOS", () => require("./geo.ts").geoCommands),
  deferFamily(
    "GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEOSEARCH GEOSEARCHSTORE",
    () => require("./geo-search.ts").geoSearchCommands,
  ),
  deferFamily(
    "HDEL HEXISTS HGET HLEN HMGET HMSET HSET HSETNX HSTRLEN",
    () => require("./hashes.ts").hashCommands,
  ),
  deferFamily(
    "HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HEXPIRETIME HPEXPIRETIME HTTL HPTTL",
    () => require("./hashes-expiry.ts").hashExpiryCommands,
  ),
  deferFamily(
    "HGETDEL HGETEX HSETEX",
    () => require("./hashes-expiry-values.ts").hashExpiryValueCommands,
  ),
  deferFamily("HINCRBY HINCRBYFLOAT", () => require("./hashes-numeric.ts").hashNumericCommands),
  deferFamily("HRANDFIELD", () => require("./hashes-random.ts").hashRandomCommands),
  deferFamily("HGETALL HKEYS HSCAN HVALS", () => require("./hashes-whole.ts").hashWholeCommands),
  deferFamily("PFADD PFCOUNT PFMERGE", () => require("./hyperloglog.ts").hyperloglogCommands),
  deferFamily(
    "PFDEBUG PFSELFTEST",
    () => require("./hyperloglog-debug.ts").hyperloglogDebugCommands,
  ),
  deferFamily("LATENCY", () => require("./latency.ts").latencyCommands),
  deferFamily(
    "BLPOP BRPOP BLMPOP BLMOVE BRPOPLPUSH",
    () => require("./lists-blocking.ts").listBlockingCommands,
  ),
  deferFamily(
    "LSET LINSERT LREM LTRIM LPOS",
    () => require("./lists-change.ts").listChangeCommands,
  ),
  deferFamily(
    "LPUSH RPUSH LPUSHX RPUSHX LLEN LINDEX LRANGE",
    () => require("./lists.ts").listCommands,
  ),
  deferFamily("LMOVE RPOPLPUSH", () => require("./lists-move.ts").listMoveCommands),
  deferFamily("LPOP RPOP LMPOP", () => require("./lists-pop.ts").listPopCommands),
  deferFamily("MEMORY", () => require("./memory.ts").memoryCommands),
  deferFamily("MIGRATE", () => require("./migrate.ts").migrateCommands),
  deferFamily("OBJECT", () => require("./generic-object.ts").objectCommands),
  deferFamily(
    "BGREWRITEAOF BGSAVE LASTSAVE SAVE",
    () => require("./persistence.ts").persistenceCommands,
  ),
  deferFamily(
    "PSUBSCRIBE PUBLISH PUNSUBSCRIBE SPUBLISH SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE UNSUBSCRIBE",
    () => require("./pubsub.ts").pubsubCommands,
  ),
  deferFamily("PUBSUB", () => require("./pubsub-inspection.ts").pubsubInspectionCommands),
  deferFamily("KEYS SCAN", () => require("./scan.ts").scanCommands),
  deferFamily(
    "EVAL EVALSHA EVAL_RO EVALSHA_RO SCRIPT",
    () => require("./scripting.ts").scriptingCommands,
  ),
  deferFamily(
    "INFO ROLE TIME SHUTDOWN MONITOR LOLWUT",
    () => require("./server.ts").serverCommands,
  ),
  deferFamily(
    "SDIFF SDIFFSTORE SINTER SINTERCARD SINTERSTORE SUNION SUNIONSTORE",
    () => require("./sets-combined.ts").setCombinedCommands,
  ),
  deferFamily(
    "SADD SCARD SISMEMBER SMISMEMBER SMEMBERS SREM SMOVE",
    () => require("./sets.ts").setCommands,
  ),
  deferFamily("SPOP SRANDMEMBER", () => require("./sets-random.ts").setRandomCommands),
  deferFamily("SSCAN", () => require("./sets-scan.ts").setScanCommands),
  deferFamily("SLOWLOG COMMANDLOG", () => require("./slowlog.ts").slowlogCommands),
  deferFamily("SORT SORT_RO", () => require("./sort.ts").sortCommands),
  deferFamily(
    "ZUNION ZINTER ZDIFF ZUNIONSTORE ZINTERSTORE ZDIFFSTORE ZINTERCARD",
    () => require("./sorted-sets-aggregate.ts").sortedSetAggregateCommands,
  ),
  deferFamily(
    "ZADD ZINCRBY ZREM ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK",
    () => require("./sorted-sets.ts").sortedSetCommands,
  ),
  deferFamily(
    "ZCOUNT ZLEXCOUNT ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX",
    () => require("./sorted-sets-intervals.ts").sortedSetIntervalCommands,
  ),
  deferFamily(
    "ZPOPMIN ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX BZMPOP",
    () => require("./sorted-sets-pop.ts").sortedSetPopCommands,
  ),
  deferFamily(
    "ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZRANGESTORE",
    () => require("./sorted-sets-ranges.ts").sortedSetRangeCommands,
  ),
  deferFamily("ZSCAN ZRANDMEMBER", () => require("./sorted-sets-scan.ts").sortedSetScanCommands),
  deferFamily(
    "XADD XLEN XRANGE XREVRANGE XDEL XTRIM XSETID",
    () => require("./streams.ts").streamCommands,
  ),
  deferFamily("XGROUP XACK", () => require("./streams-groups.ts").streamGroupCommands),
  deferFamily("XINFO", () => require("./streams-info.ts").streamInfoCommands),
  deferFamily(
    "XPENDING XCLAIM XAUTOCLAIM",
    () => require("./streams-pending.ts").streamPendingCommands,
  ),
  deferFamily("XREAD XREADGROUP", () => require("./streams-read.ts").streamReadCommands),
  deferFamily(
    "GET SET SETNX SETEX PSETEX GETSET GETDEL GETEX DELIFEQ",
    () => require("./strings.ts").stringCommands,
  ),
  deferFamily("LCS", () => require("./strings-lcs.ts").stringLcsCommands),
  deferFamily(
    "MGET MSET MSETNX MSETEX",
    () => require("./strings-multiple.ts").stringMultipleCommands,
  ),
  deferFamily(
    "INCR DECR INCRBY DECRBY INCRBYFLOAT",
    () => require("./strings-numeric.ts").stringNumericCommands,
  ),
  deferFamily(
    "APPEND SETRANGE GETRANGE SUBSTR STRLEN",
    () => require("./strings-range.ts").stringRangeCommands,
  ),
  deferFamily(
    "MULTI EXEC DISCARD WATCH UNWATCH",
    () => require("./transactions.ts").transactionCommands,
  ),
  deferFamily("WAIT WAITAOF", () => require("./wait.ts").waitCommands),
];
