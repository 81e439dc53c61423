// What users may not do, against Redis 8.0: scenes with several users and connections; permissions
// of keys and channels per command; what the log keeps of it.

import type { RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { playScene } from "../harness/scene.ts";

// AUTH with a wrong password is never pipelined behind another command: Redis does not answer it
// then, and we answer everything.

interface Scene {
  readonly title: string;
  readonly lines: readonly string[];
}

const SCENES: readonly Scene[] = [
  {
    title: "commands, keys and channels that are not permitted are refused",
    lines: [
      "x: acl setuser u reset on >p ~k* %R~r* %W~w* &c* +@all -flushall -config +config|get",
      "a: auth u wrong | get k | auth u p | acl whoami",
      "a: flushall | flushdb | config set maxmemory 0 | config get maxmemory | config nosuch",
      "a: get x | get k | get wx | get rx | set rx 1 | set wx 1 | set wx 1 get | mget k r x",
      "a: publish x y | publish c y | publish cx y | spublish x y | nosuch | get",
      "a: subscribe x | subscribe c x | psubscribe c1* | ssubscribe x | subscribe",
      "a: reset | get k",
    ],
  },
  {
    title: "transactions are spoiled by what is refused",
    lines: [
      "x: acl setuser u reset on nopass ~k* +@all -flushall",
      "a: auth u x | multi | flushall | exec | multi | get k | get x | get k | exec",
      "a: multi | publish c x | exec | exec | discard",
      "x: acl setuser u -exec",
      "a: multi | get k | exec | exec | get k",
      "x: acl setuser u -multi -discard",
      "a: multi | discard",
    ],
  },
  {
    title: "EXEC asks again",
    lines: [
      "x: acl setuser u reset on nopass ~* &* +@all",
      "a: auth u x | multi | set k 1 | get k | publish c m | config get port | incr k",
      "x: acl setuser u resetkeys ~j resetchannels -config",
      "a: exec | get j",
      "x: acl setuser u ~* &* +@all",
      "a: multi | set k 1 | eval return(redis.call('set','b','1')) 0 | select 1 | get k",
      "x: acl setuser u -set -select",
      "a: exec",
      "a: multi | get k | set k 5 | exec",
      "x: acl setuser u +@all",
      "a: multi | set k 2 | acl setuser u -get | get k | set k 3 | exec | get k",
      "x: get k",
    ],
  },
  {
    title: "scripts may do what their caller may",
    lines: [
      "x: acl setuser u reset on nopass ~k* &c +@all -flushall",
      "a: auth u x",
      "a: eval return(redis.call('flushall')) 0 | eval return(redis.pcall('flushall')) 0",
      "a: eval return(redis.pcall('flushall').err) 0",
      "a: eval return(redis.call('get','x')) 0 | eval return(redis.call('set','x','1')) 0",
      "a: eval return(redis.call('set','k1','1')) 0 | eval return(redis.call('get','k1')) 1 x",
      "a: eval return(redis.call('publish','d','1')) 0",
      "a: eval return(redis.call('publish','c','')) 0",
      "a: eval return(redis.acl_check_cmd('get','x')) 0",
      "a: eval return(redis.acl_check_cmd('get','k')) 0",
      "a: eval return(redis.acl_check_cmd('flushall')) 0",
      "a: eval return(redis.acl_check_cmd('nosuch')) 0",
      "a: eval return(redis.acl_check_cmd('config','nosuch')) 0",
      "a: eval return(redis.acl_check_cmd()) 0",
      "a: eval return(redis.acl_check_cmd({})) 0 | eval return(redis.acl_check_cmd('get')) 0",
      "a: eval return(redis.acl_check_cmd('mset','k','1','x','2')) 0",
      "a: eval return(redis.call('sort','k','by','w*')) 0",
      "a: eval return(redis.call('acl','whoami')) 0",
      "a: eval_ro return(redis.call('set','x','1')) 0",
      "x: eval return(redis.acl_check_cmd('flushall')) 0",
      "x: acl setuser u -eval -@scripting",
      "a: eval return(1) 0 | evalsha x 0 | script load x | script flush",
    ],
  },
  {
    title: "SORT reads keys that patterns name only with full read permission",
    lines: [
      "x: acl setuser u reset on nopass ~k* %R~r* %W~w* +@all",
      "x: rpush k 2 1 | set w_1 b | set w_2 a",
      "a: auth u x",
      "a: sort k | sort k by nosort | sort k by nosort get # | sort k by w_* | sort k get w_* by x",
      "a: sort_ro k get foo | sort_ro k by w_* | sort k store rfoo | sort r store wfoo",
      "x: acl setuser u (%R~* +sort)",
      "a: sort k by w_* get w_* get # | sort_ro k get foo",
      "x: acl setuser u clearselectors (%R~* +@all)",
      "a: sort k store wx by w_* | sort k store rx | sort_ro k get w_*",
      "x: acl setuser u clearselectors %RW~*",
      "a: sort k store wx by w_* | sort_ro k get w_*",
    ],
  },
  {
    title: "of several selectors one must permit everything",
    lines: [
      "x: acl setuser u reset on nopass -@all +get +@connection ~a* &x",
      "x: acl setuser u (+set ~b* %R~c) (+@all %W~d &*)",
      "a: auth u x",
      "a: get a | get b | get c | get d | set a 1 | set b 1 | set c 1 | set d 1 | set d 1 get",
      "a: publish x y | publish z y | lpush d x | lpop d | copy d d2 | copy b d | ping",
      "x: acl setuser u clearselectors",
      "a: set b 1 | get a",
    ],
  },
  {
    title: "first arguments of commands that are not permitted",
    lines: [
      "x: acl setuser u reset on nopass ~* +select|0 +SELECT|1 +get|a +ping|x",
      "a: auth u x | select 0 | select 1 | select 2 | get a | get b | ping | ping X | ping y",
      "x: acl setuser u +select",
      "a: select 2 | select 0",
      "x: acl setuser u -select",
      "a: select 0 | get a",
    ],
  },
  {
    title: "users that vanish take their clients along",
    lines: [
      "x: acl setuser u on nopass +@all ~* &* | acl setuser v on nopass +@all ~* &*",
      "a: auth u x",
      "b: auth u x | blpop k 0",
      "c: auth v x | multi | ping",
      "d: auth v x | acl deluser nosuch v",
      "x: acl deluser u | acl users",
      "e: auth u x",
      "e: auth v x | ping",
    ],
  },
  {
    title: "subscribers that lose their channels are disconnected",
    lines: [
      "x: acl setuser u reset on nopass ~* +@all &c1 &c2 &p*",
      "a: auth u x | subscribe c1 | subscribe pfoo | psubscribe p*",
      "b: auth u x | subscribe c2",
      "c: auth u x | ssubscribe c1",
      "d: auth u x",
      "x: acl setuser u &c3 | acl setuser u resetchannels &c1 &c2 &p*",
      "x: acl setuser u resetchannels &c1 &p*",
      "x: acl setuser u resetchannels &c1 &p* (&c4) | acl setuser u clearselectors",
      "x: acl setuser u resetchannels &c1 &pfoo",
      "c: ping",
      "x: acl setuser u resetchannels",
      "d: ping | subscribe c1",
      "x: acl setuser u &*",
      "e: auth u x | subscribe a",
      "x: acl setuser u resetchannels &a | acl setuser u resetchannels (&*)",
      "x: acl setuser u clearselectors",
    ],
  },
  {
    title: "who waits is asked again when the key comes",
    lines: [
      "x: acl setuser u reset on nopass ~* +@all",
      "a: auth u x | blpop k 0",
      "b: auth u x | blpop j 0",
      "c: auth u x | xread block 0 streams s $",
      "x: acl setuser u resetkeys ~j",
      "x: rpush k 1 | rpush j 2",
      "x: acl setuser u -xread",
      "x: xadd s 1-1 f v | llen k",
    ],
  },
  {
    title: "the default user",
    lines: [
      "a: ping",
      // Connected before, since scenes ask each client for its id.
      "b: ping",
      "c: ping",
      "d: ping",
      "x: acl setuser default >pw",
      "x: config get requirepass | acl getuser default",
      "b: reset | ping | hello | hello 3",
      "b: auth x",
      "b: auth pw | ping",
      "a: ping | acl whoami | reset | ping | auth default pw | ping",
      "x: config set requirepass foo | acl getuser default",
      "c: reset",
      "c: auth pw",
      "c: auth foo | auth default foo",
      "x: acl setuser default resetpass",
      "c: reset",
      "c: auth foo",
      "c: ping",
      "x: acl setuser default nopass",
      "c: ping",
      "c: auth x",
      "c: auth default x | config get requirepass",
      "d: reset | ping",
      "x: acl setuser default off",
      "d: ping | reset | ping",
      "d: auth default x | get x",
      "x: acl setuser default on",
      "d: ping",
      "x: acl setuser default -get +@all -get",
      "d: get x | set x 1",
      "x: acl setuser default -@all +acl +client +config +reset",
      "d: set x 1 | ping | quit",
      "x: acl setuser default reset on nopass ~* &* +@all",
      "x: config set requirepass _ | acl list",
    ],
  },
  {
    title: "CLIENT KILL USER and CLIENT LIST know users",
    lines: [
      "x: acl setuser u on nopass +@all",
      "a: auth u x",
      "b: auth u x",
      "x: client kill user nosuch | client kill user u",
      "x: client kill user u | client kill user default",
      "c: auth u x | client kill user u skipme no",
    ],
  },
];

/** What may be done with the keys of one command line. */
const KEY_COMMANDS: readonly string[] = [
  ...["get a", "set a 1", "set a 1 get", "set a 1 nx ex 5", "getset a 1", "getdel a", "getex a"],
  ...["getex a persist", "append a 1", "incr a", "strlen a", "exists a b", "type a", "touch a b"],
  ...["del a b", "unlink a", "expire a 1", "ttl a", "persist a", "object encoding a", "dump a"],
  ...["restore a 0 x", "copy a b", "rename a b", "renamenx a b", "move a 1", "mget a b"],
  ...[
    "mset a 1 b 2",
    "msetnx a 1 b 2",
    "lcs a b",
    "setrange a 0 x",
    "getrange a 0 1",
    "substr a 0 1",
  ],
  ...["setbit a 0 1", "getbit a 0", "bitcount a", "bitpos a 1", "bitop and a b c"],
  ...["bitfield a get u8 0", "bitfield a set u8 0 1", "bitfield a overflow sat get u8 0"],
  ...[
    "bitfield a get u8 0 incrby u8 0 1",
    "bitfield_ro a get u8 0",
    "bitfield a",
    "bitfield a get",
  ],
  ...["pfadd a 1", "pfcount a b", "pfmerge a b c", "pfdebug getreg a"],
  ...["lpush a 1", "lpop a", "lrange a 0 1", "llen a", "lmove a b left left", "rpoplpush a b"],
  ...["blmove a b left left 0", "brpoplpush a b 0", "blpop a b 0", "brpop a b 0"],
  ...["lmpop 2 a b left", "blmpop 0 2 a b left", "lmpop x a left", "lmpop 3 a b left", "lpos a 1"],
  ...["lset a 0 x", "linsert a before x y", "lrem a 0 x", "ltrim a 0 1", "lpushx a 1"],
  ...["sadd a 1", "srem a 1", "sismember a 1", "smove a b 1", "sinter a b", "sinterstore a b c"],
  ...["sintercard 2 a b", "sdiffstore a b c", "spop a", "srandmember a", "scard a", "sscan a 0"],
  ...[
    "hset a f v",
    "hget a f",
    "hgetall a",
    "hlen a",
    "hexpire a 1 fields 1 f",
    "httl a fields 1 f",
  ],
  ...["hgetdel a fields 1 f", "hgetex a fields 1 f", "hsetex a fields 1 f v", "hincrby a f 1"],
  ...["zadd a 1 m", "zscore a m", "zrange a 0 1", "zrangestore a b 0 1", "zunionstore a 2 b c"],
  ...[
    "zunionstore a x b c",
    "zunion 2 a b",
    "zinter 2 a b",
    "zdiffstore a 1 b",
    "zintercard 2 a b",
  ],
  ...[
    "zmpop 2 a b min",
    "bzmpop 0 2 a b min",
    "bzpopmin a b 0",
    "zpopmin a",
    "zrangebyscore a 0 1",
  ],
  ...["geoadd a 1 1 m", "geosearch a frommember m bybox 1 1 m", "geopos a m"],
  ...[
    "geosearchstore a b frommember m bybox 1 1 m",
    "georadius a 1 1 1 m",
    "georadius_ro a 1 1 1 m",
  ],
  ...["georadius a 1 1 1 m store b", "georadius a 1 1 1 m storedist b store c"],
  ...["georadiusbymember a m 1 m", "georadiusbymember a m 1 m storedist b"],
  ...["xadd a * f v", "xread streams a b 0 0", "xread count 1 block 0 streams a 0", "xlen a"],
  ...["xreadgroup group g c streams a >", "xgroup create a g 0", "xinfo stream a", "xack a g 1"],
  ...[
    "xclaim a g c 0 1",
    "xpending a g",
    "xtrim a maxlen 1",
    "xdel a 1",
    "xsetid a 1",
    "xrange a - +",
  ],
  ...["sort a", "sort a by b get c", "sort a store b", "sort a store b store c", "sort_ro a by b"],
  ...[
    "sort a limit 0 1 store b",
    "sort a by store get store store b",
    "watch a b",
    "memory usage a",
  ],
  ...["migrate h 1 a 0 1", "migrate h 1 _ 0 1 keys a b", "migrate h 1 a 0 1 keys b"],
  ...["migrate h 1 _ 0 1 auth keys keys a", "migrate h 1 _ 0 1 auth2 u p keys a b"],
  ...["eval x 2 a b c", "eval x 0 a", "eval x x a", "eval x -1 a", "eval x 5 a", "evalsha x 1 a"],
  ...["eval_ro x 1 a", "evalsha_ro x 1 a", "fcall f 1 a", "fcall_ro f 2 a b", "fcall f x a"],
  ...[
    "spublish a m",
    "publish a m",
    "subscribe a b",
    "ssubscribe a b",
    "psubscribe a b",
    "debug object a",
  ],
  ...[
    "unsubscribe a",
    "sunsubscribe a",
    "punsubscribe a",
    "keys *",
    "scan 0",
    "randomkey",
    "dbsize",
  ],
  ...["object freq a", "object help", "restore-asking a 0 x", "swapdb 0 1", "flushall", "wait 0 0"],
  ...[
    "expiretime a",
    "pexpireat a 1",
    "psetex a 1 v",
    "setex a 1 v",
    "setnx a v",
    "incrbyfloat a 1",
  ],
];

/** What users may do with keys a, b and c. */
const GRANTS: readonly string[] = [
  ...["~a ~b ~c", "~a", "~b", "~b ~c", "%R~a", "%W~a", "%R~a %R~b %R~c", "%W~a %W~b %W~c"],
  ...["%R~a %W~b", "%W~a %R~b", "%W~a %R~b %R~c", "%RW~a %R~b", "~[ab]", "%R~* %W~a", "%W~* %R~a"],
  ...["&a ~a", "&* ~a", "&a &b", "&[ab] ~*", "(~a) (~b)", "~a (+@read ~b)"],
];

differential("acl enforcement", "redis8", ({ probe, compare }) => {
  for (const { title, lines } of SCENES) {
    probe(title, async (_, side) => {
      await forgetUsers(await side.connect());
      return playScene(side.connect, lines);
    });
  }

  compare("what every command needs of its keys and channels", function* (known) {
    for (const grant of GRANTS) {
      yield ["acl", "setuser", "u", "reset", "+@all", ...grant.split(" ")];
      for (const line of KEY_COMMANDS) {
        const words = line.split(" ").map((word) => (word === "_" ? "" : word));
        if (known(words[0])) yield ["acl", "dryrun", "u", ...words];
      }
    }
    yield ["acl", "deluser", "u"];
  });

  probe("the log and INFO count what was denied", async (client, side) => {
    await forgetUsers(client);
    const before = await denials(client);
    await client.ask("acl", "log", "reset");
    const user = await side.connect();
    await client.ask("acl", "setuser", "u", "reset", "on", ">p", "~k*", "&c", "+@all", "-flushall");
    const replies: string[] = [];
    for (const line of DENIED) replies.push((await user.ask(...line)).raw);
    const counted = (await denials(client)).map((count, k) => count - before[k]);
    return [replies, counted];
  });

  probe("a subscriber that takes its own channels away is told so first", async (client, side) => {
    await client.ask("acl", "setuser", "u", "reset", "on", "nopass", "+@all", "&*");
    const user = await side.connect();
    await user.ask("hello", "3", "auth", "u", "x");
    await user.ask("client", "reply", "on");
    user.send("subscribe a\r\n");
    const reply = await user.ask("acl", "setuser", "u", "resetchannels");
    await user.closed;
    return [user.pushes.map(({ raw }) => raw), reply.raw];
  });

  probe("entries of the log", async (client, side) => {
    await forgetUsers(client);
    await client.ask("acl", "setuser", "u", "reset", "on", ">p", "~k*", "&c", "+@all", "-flushall");
    const user = await side.connect();
    const seen: unknown[] = [];
    for (const max of ["128", "3", "0"]) {
      await client.ask("config", "set", "acllog-max-len", max);
      await client.ask("acl", "log", "reset");
      for (const line of DENIED) await user.ask(...line);
      for (const count of ["100", "2", "0"])
        seen.push(entries(await client.ask("acl", "log", count)));
      seen.push(entries(await client.ask("acl", "log")));
    }
    await client.ask("config", "set", "acllog-max-len", "128");
    return seen;
  });
});

/** Commands that are denied for every reason, some of them again and again. */
const DENIED: readonly Command[] = [
  ...[
    ["auth", "u", "x"],
    ["AUTH", "u", "x"],
    ["auth", "nosuch", "x"],
    ["auth", "u", "x"],
  ],
  ...[
    ["hello", "3", "auth", "u", "y"],
    ["hello", "2", "AUTH", "nosuch", "y"],
    ["auth", "u", "p"],
  ],
  ...[
    ["get", "x"],
    ["get", "y"],
    ["GET", "x"],
    ["mget", "k", "x"],
    ["set", "x", "1"],
  ],
  ...[["flushall"], ["FLUSHALL"], ["flushall", "async"], ["publish", "d", "x"], ["subscribe", "d"]],
  ...[["multi"], ["get", "x"], ["flushall"], ["publish", "d", "x"], ["exec"]],
  ...[
    ["eval", "return redis.call('get','x')", "0"],
    ["eval", "redis.pcall('flushall')", "0"],
  ],
  ...[
    ["eval", "redis.pcall('flushall')", "0"],
    ["eval", "redis.pcall('publish','d','')", "0"],
  ],
  ...[
    ["get", "z1"],
    ["get", "z2"],
    ["get", "z3"],
    ["get", "z4"],
    ["get", "z5"],
    ["get", "z6"],
  ],
  ...[
    ["get", "x"],
    ["get", "z1"],
    ["get", "z1"],
    ["auth", "u", "x"],
    ["get", "\0\r\n"],
  ],
  ...[
    ["sort", "k", "by", "w*"],
    ["acl", "dryrun", "u", "get", "x"],
    ["set", "x", "1", "get"],
  ],
];

/** Entries without what differs between two runs. */
function entries(reply: Awaited<ReturnType<RawClient["ask"]>>): unknown {
  return reply.items.map((entry) =>
    entry.items
      .map((item) => item.text)
      .map((text, k, all) => {
        if (/^(age|timestamp|entry)/.test(all[k - 1] ?? "")) return "";
        return all[k - 1] === "client-info" ? / db.*? cmd=\S+ user=\S+/.exec(text)?.[0] : text;
      })
      .map((text) =>
        text?.replace(/ (qbuf|qbuf-free|argv-mem|tot-mem|rbs|rbp|multi-mem)=\d+/g, ""),
      ),
  );
}

async function forgetUsers(client: RawClient): Promise<void> {
  await client.ask("acl", "deluser", "u", "v");
}

/** acl_access_denied_auth, _cmd, _key, _channel. */
async function denials(client: RawClient): Promise<number[]> {
  const text = String(await client.run("info", "stats"));
  return Array.from(text.matchAll(/acl_access_denied_\w+:(\d+)/g), ([, count]) => Number(count));
}
