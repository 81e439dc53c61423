// What users may not do by way of functions and stored scripts, against Redis 8.0: the call itself,
// its keys, and what is called in turn, each with the entry that ACL LOG keeps of it.

import { differential } from "../harness/differential.ts";
import type { Reply } from "../harness/reply.ts";

const LIBRARY = `#!lua name=lib
local function first(keys, args) return keys[1] or args[1] end
redis.register_function('w', function(k, a) return redis.call('set', first(k, a), '1') end)
redis.register_function('r', function(k, a) return redis.call('get', first(k, a)) end)
redis.register_function('c', function(k, a) return redis.call(unpack(a)) end)
redis.register_function('p', function(k, a) return redis.pcall(unpack(a)) end)
redis.register_function('e', function(k, a) return redis.pcall(unpack(a)).err end)
redis.register_function('check', function(k, a) return redis.acl_check_cmd(unpack(a)) end)
redis.register_function{
  function_name='ro', callback=function(k, a) return redis.call(unpack(a)) end, flags={'no-writes'}
}
redis.register_function('bare', redis.call)`;

const OTHER_LIBRARY = `#!lua name=other
redis.register_function('w2', function(k, a) return redis.call('set', k[1], '1') end)`;

const CALLER = "return redis.call(unpack(ARGV))";

/** Rules for user u, and what it then tries. Words are separated by blanks. */
const TRIALS: readonly (readonly [rules: string, ...lines: string[]])[] = [
  [
    "on nopass ~k* %R~r* %W~w* &c* +@all -flushall -config +config|get",
    ...[
      "fcall w 1 k1",
      "fcall w 1 x",
      "fcall w 0 x",
      "fcall w 1 r1",
      "fcall w 0 r1",
      "fcall w 0 w1",
    ],
    ...["fcall r 1 k1", "fcall r 1 w1", "fcall r 0 w1", "fcall r 0 r1", "FCALL R 1 x"],
    ...["fcall_ro ro 1 r1 get r1", "fcall_ro ro 1 k1 get r1", "fcall_ro ro 1 w1 get k1"],
    ...["fcall_ro ro 0 get w1", "fcall_ro ro 0 set w1 1", "fcall_ro w 0 w1", "fcall ro 1 k get r1"],
    ...["fcall p 0 flushall", "fcall e 0 flushall", "fcall p 0 get x", "fcall e 0 get x"],
    ...["fcall c 0 config get port", "fcall c 0 config set port 1", "fcall c 0 config"],
    ...["fcall c 0 config nosuch", "fcall c 0 nosuch", "fcall c 0 get", "fcall c 0"],
    ...["fcall c 0 publish d 1", "fcall c 0 publish c1 1", "fcall c 0 spublish d 1"],
    ...["fcall c 0 subscribe d", "fcall c 0 mset k 1 x 2", "fcall c 0 mset k 1 x"],
    ...[
      "fcall c 0 sort k by w*",
      "fcall c 0 eval return 0",
      "fcall c 0 acl whoami",
      "fcall bare 0",
    ],
    ...["fcall check 0 get x", "fcall check 0 get k", "fcall check 0 publish d x", "fcall check 0"],
    ...["fcall check 0 publish c x", "fcall check 0 nosuch", "fcall check 0 config set"],
    ...["fcall check 0 config set a b", "fcall check 0 config get a", "fcall check 0 flushall"],
    ...["fcall w x k1", "fcall w x x", "fcall w -1 k1", "fcall w 2 k1", "fcall nosuch 1 x"],
    ...["fcall nosuch 1 k", "fcall", "fcall w", "evalsha SHA 0 get x", "evalsha SHA 1 x get k"],
    ...["evalsha SHA 1 k get k", "evalsha_ro SHA 1 w1 get k", "evalsha_ro SHA 0 set w1 1"],
    ...["evalsha SHA 0 flushall", "evalsha nosuch 1 x", "evalsha nosuch 1 k"],
    ...["multi", "fcall c 0 flushall", "fcall c 0 get x", "fcall w 1 k1", "evalsha SHA 0 get x"],
    ...["fcall w 1 k2", "exec", "multi", "fcall w 1 x", "exec"],
  ],
  ["-fcall", "fcall w 1 k1", "fcall_ro ro 1 r1 get r1", "function list libraryname no"],
  ["+fcall|w", "fcall w 1 k1", "fcall c 0 get k1", "fcall W 1 k1", "fcall w 1 x"],
  ["-@all +@scripting ~*", "function list libraryname no", "function load x", "fcall w 1 k"],
  ["+set", "fcall w 1 k", "fcall r 1 k", "evalsha SHA 1 k get k", "function load replace OTHER"],
  ["-set", "fcall w2 1 k"],
  [
    "-@scripting +function|list",
    ...["function list libraryname no", "function flush", "function dump", "function nosuch"],
    ...["function", "function list x y z", "function help", "script exists SHA", "script nosuch"],
  ],
  ["reset on nopass +@all -evalsha -fcall_ro ~*", "evalsha SHA 0 get x", "fcall_ro ro 0 get x"],
  ["(%R~x +@scripting +get) resetkeys", "fcall r 1 x", "fcall w 1 x", "fcall_ro ro 1 x get x"],
  ["-@all", "fcall r 1 x", "fcall c 1 x set x 1", "evalsha SHA 1 x get x", "fcall r 1 k"],
];

/** What ACL LOG says of each denial, newest first, without what differs between two runs. */
function denials(log: Reply): string[][] {
  const shown = ["count", "reason", "context", "object", "username"];
  return log.items.map(({ items }) => {
    const words = items.map(({ text }) => text);
    return words.filter((_, k) => k % 2 === 1 && shown.includes(words[k - 1]));
  });
}

differential("acl of functions", "redis8", ({ probe }) => {
  probe("functions and stored scripts may do what their caller may", async (client, side) => {
    await client.ask("function", "load", "replace", LIBRARY);
    const sha = (await client.ask("script", "load", CALLER)).text;
    await client.ask("acl", "deluser", "u");
    await client.ask("acl", "setuser", "u", "on", "nopass");
    const user = await side.connect();
    const seen: unknown[] = [(await user.ask("auth", "u", "x")).raw];
    for (const [rules, ...lines] of TRIALS) {
      seen.push((await client.ask("acl", "setuser", "u", ...rules.split(" "))).raw);
      for (const line of lines) {
        await client.ask("acl", "log", "reset");
        const words = line.split(" ").map((word) => {
          return word === "SHA" ? sha : word === "OTHER" ? OTHER_LIBRARY : word;
        });
        const reply = await user.ask(...words);
        seen.push([line, reply.raw, denials(await client.ask("acl", "log"))]);
      }
    }
    await client.ask("acl", "deluser", "u");
    await client.ask("function", "flush");
    return seen;
  });

  probe("what a function may do is asked at each call", async (client, side) => {
    await client.ask("function", "load", "replace", LIBRARY);
    await client.ask("acl", "setuser", "u", "reset", "on", "nopass", "+@all", "~*", "&*");
    const user = await side.connect();
    const seen: string[] = [];
    const ask = async (...words: string[]) => seen.push((await user.ask(...words)).raw);
    await ask("auth", "u", "x");
    await ask("multi");
    await ask("fcall", "w", "1", "k");
    // The function takes its own user's permission away, and is refused then.
    await ask("fcall", "c", "0", "acl", "setuser", "u", "-set");
    await client.ask("acl", "setuser", "u", "resetkeys", "~j*");
    await ask("fcall", "w", "1", "j");
    await ask("exec");
    await ask("fcall", "w", "1", "j");
    await client.ask("acl", "setuser", "u", "-set");
    await ask("fcall", "w", "1", "j");
    await client.ask("acl", "setuser", "u", "-fcall");
    await ask("fcall", "w", "1", "j");
    await client.ask("acl", "deluser", "u");
    await user.closed;
    await client.ask("function", "flush");
    return seen;
  });
});
