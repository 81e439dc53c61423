// Clients that wait for keys, against Redis 8.0: scenes with several clients, in which who is
// served with what, and when, must be the same, and what it leaves in the append-only file.

import { join } from "node:path";
import { readAofCommands } from "../harness/aof-commands.ts";
import { binary, encodeCommand, type RawClient } from "../harness/client.ts";
import { differential, type Known, type Side } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { randomScene } from "../harness/random-scene.ts";
import { playScene } from "../harness/scene.ts";

interface Scene {
  readonly title: string;
  readonly lines: readonly string[];
}

const LISTS: readonly Scene[] = [
  {
    title: "one push of several elements serves several clients in order",
    lines: [
      "a: blpop k 0",
      "b: brpop k 0",
      "c: blpop k j 0",
      "d: blpop k 0",
      "x: rpush k 1 2 3 | llen k",
      "x: lpush k 4 5",
      "x: lrange k 0 -1",
      "e: blpop k 0",
    ],
  },
  {
    title: "keys that become ready in one transaction are served in that order",
    lines: [
      "a: blpop k1 k2 0",
      "b: blpop k2 k1 0",
      "x: multi | rpush k2 2 | rpush k1 1 | exec",
      "x: exists k1 k2",
    ],
  },
  {
    title: "several clients behind several keys",
    lines: [
      "a: blpop x y 0",
      "b: blpop y z 0",
      "c: blpop z x 0",
      "w: rpush z 1 | rpush y 2 | rpush x 3",
      "w: exists x y z",
    ],
  },
  {
    title: "a move wakes the next, and so on",
    lines: [
      "a: blmove a b left right 0",
      "b: blmove b c right left 0",
      "c: brpoplpush c d 0",
      "d: blmpop 0 2 e d left count 10",
      "x: rpush a 1 2",
      "x: exists a b c d e",
      "x: lrange a 0 -1",
    ],
  },
  {
    title: "moving within one key",
    lines: ["a: blmove k k left right 0", "b: blpop k 0", "x: rpush k 1 2 3", "x: lrange k 0 -1"],
  },
  {
    title: "a destination of another type is refused when the source appears",
    lines: ["a: blmove k d left left 0", "x: set d x", "x: rpush k 1", "x: lrange k 0 -1"],
  },
  {
    title: "another type does not wake, and the right one does later",
    lines: [
      "a: blpop k 0",
      "x: set k v | del k",
      "x: sadd k v | del k",
      "x: zadd k 1 v | del k",
      "x: hset k f v",
      "x: rpush k 1",
      "x: del k | rpush k 1",
    ],
  },
  {
    title: "renaming, copying, moving and swapping make keys ready",
    lines: [
      "a: blpop k 0",
      "x: rpush s 1 | rename s k",
      "a: blpop k 0",
      "x: rpush s 1 2 | copy s k",
      "a: blpop k 0",
      "x: select 1 | rpush k 1 | move k 0 | select 0",
      "a: blpop k 0",
      "x: select 1 | rpush k 1 2 | swapdb 0 1 | select 0 | exists k",
      "x: select 1 | exists k",
      "b: select 3",
      "b: blpop k 0",
      "x: select 3 | rpush k 3",
    ],
  },
  {
    title: "what vanishes before its command has ended wakes nobody",
    lines: [
      "a: blpop k 0",
      "x: multi | rpush k 1 | lpop k | exec",
      "x: multi | rpush k 1 | del k | set k v | exec",
      "x: del k",
      "x: lpush k 2",
    ],
  },
  {
    title: "within a transaction nobody waits",
    lines: [
      "a: multi | blpop k 0 | brpop k 0 | blmove k d left left 0 | brpoplpush k d 0 | exec",
      "a: multi | blmpop 0 1 k left | bzpopmin k 0 | bzmpop 0 1 k min | exec",
      "a: hello 3 | multi | blpop k 0 | blmove k d left left 0 | blmpop 0 1 k left | exec",
    ],
  },
  {
    title: "a key given twice is waited for once",
    lines: ["a: blpop k k j k 0", "x: info clients", "x: rpush k 1 2", "x: lrange k 0 -1"],
  },
  {
    title: "deleting and flushing wake nobody",
    lines: ["a: blpop k 0", "x: flushall async | flushdb async | del k | unlink k", "x: rpush k 1"],
  },
  {
    title: "a push that finds an old list in place of what is waited for",
    lines: ["a: blpop k 0", "x: set k 1", "x: rpush k 1", "x: getdel k | rpush k 1"],
  },
  {
    title: "RESP3 and RESP2 side by side",
    lines: [
      "a: hello 3",
      "a: blpop k 0",
      "b: blmpop 0 1 k right count 2",
      "c: hello 3",
      "c: blmpop 0.05 1 absent left | await c",
      "x: rpush k 1 2 3",
    ],
  },
  {
    title: "a result that is stored wakes, but not in place of another value",
    lines: [
      "a: blpop k 0",
      "x: rpush s 3 1 2 | sort s store k",
      "x: lrange k 0 -1 | del k",
      "a: blpop k 0",
      "x: set k x | sort s store k",
      "x: lrange k 0 -1",
      "b: bzpopmin z 0",
      "x: set z x | zadd q 1 a 2 b | zunionstore z 1 q",
      "x: zrange z 0 -1 | set z x | zrangestore z q 0 -1",
      "x: zrange z 0 -1 | del z | zrangestore z q 0 -1",
    ],
  },
];

const TIMEOUTS: readonly Scene[] = [
  {
    title: "timeouts are answered with null",
    lines: [
      "a: blpop k 0.02 | await a",
      "a: brpop k j 0.001 | await a",
      "a: blmove k d left right 0.01 | await a",
      "a: brpoplpush k d 0.01 | await a",
      "a: blmpop 0.01 1 k left | await a",
      "a: hello 3",
      "a: blpop k 0.02 | ping | await a",
      "a: blmove k d left right 0.01 | await a",
      "x: info clients",
    ],
  },
  {
    title: "timeouts are checked before keys and types",
    lines: [
      ...["-1", "x", "_", "inf", "nan", "1e400", "-0.0001", "9223372036854775", "1e16", "0x1"].map(
        (timeout) => `x: multi | blpop k ${timeout} | exec`,
      ),
      "x: set s v",
      "x: blpop s -1",
      "x: blpop s 0",
      "x: blpop k s 1",
      "x: blmove s d left left -1",
      "x: blmove s d sideways left 0",
      "x: blmpop -1 1 k left",
      "x: blmpop 0 0 k left",
      "x: blmpop 0 1 k left count 0",
      "x: blmpop x 0 k left",
      "x: brpoplpush s d x",
    ],
  },
];

const CLIENTS: readonly Scene[] = [
  {
    title: "CLIENT UNBLOCK ends the waiting with null or an error",
    lines: [
      "a: blpop k 0 | ping",
      "x: client unblock $a",
      "x: client unblock $a",
      "a: hello 3",
      "a: blpop k 0",
      "x: client unblock $a timeout",
      "a: blmove k d left right 5",
      "x: client unblock $a error",
      "x: client unblock $x",
      "x: client unblock 987654",
      "x: info commandstats",
      "x: info errorstats",
      "x: rpush k 1",
      "x: llen k",
    ],
  },
  {
    title: "who leaves or is killed takes nothing along",
    lines: [
      "a: blpop k 0",
      "b: blpop k 0",
      "c: blpop k 0",
      "a: leave",
      "x: client kill id $b",
      "x: rpush k 1 2",
      "x: lrange k 0 -1",
    ],
  },
  {
    title: "what is sent behind is executed afterwards, in order",
    lines: [
      "a: set n 1 | blpop k 0 | incr n | blpop k 0 | incr n | get n",
      "x: get n",
      "x: rpush k 1 | get n",
      "x: get n",
      "x: rpush k 1 2",
      "x: get n | lrange k 0 -1",
    ],
  },
  {
    title: "replies that are not wanted",
    lines: [
      "a: ~client reply skip | ~blpop k 0 | ping",
      "x: rpush k 1 2",
      "x: lrange k 0 -1",
      "x: client unblock $a",
    ],
  },
  {
    title: "a client that waits is counted and listed",
    lines: [
      "a: blpop k j 0",
      "b: blpop k 100",
      "x: info clients",
      "x: info commandstats",
      "x: rpush k 1 2",
      "x: info clients",
      "x: info commandstats",
    ],
  },
  {
    title: "a pause holds those whose turn comes",
    lines: [
      "a: blpop k 0",
      "x: multi | rpush k 1 | client pause 100 write | exec | await a",
      "x: exists k",
    ],
  },
];

const SORTED_SETS: readonly Scene[] = [
  {
    title: "the least and the greatest members",
    lines: [
      "a: bzpopmin k 0",
      "b: bzpopmax k 0",
      "c: bzmpop 0 2 j k min count 2",
      "x: zadd k 1 a 2 b 3 c 4 d 5 e",
      "x: zrange k 0 -1 withscores",
      "d: hello 3",
      "d: bzpopmin j 0",
      "x: zadd j 1.5 m",
      "d: bzmpop 0 1 j max",
      "x: zunionstore j 1 k",
      "d: bzpopmax q 0.01 | await d",
    ],
  },
  {
    title: "lists and sorted sets wait for the same key",
    lines: [
      "a: blpop k 0",
      "b: bzpopmin k 0",
      "c: blpop k 0",
      "x: zadd k 1 a",
      "x: rpush k b",
      "x: rpush k c",
      "x: geoadd k 1 1 m",
    ],
  },
];

const STREAMS: readonly Scene[] = [
  {
    title: "every reader gets what is new",
    lines: [
      "x: xadd s 1-1 f v",
      "a: xread block 0 streams s $",
      "b: xread count 1 block 0 streams s t $ 5-5",
      "c: hello 3",
      "c: xread block 0 streams t s 0 1-1",
      "x: xadd s 1-1 f v",
      "x: xadd s 2-1 g w",
      "a: xread block 0 streams s $",
      "x: xadd t 5-5 g w | xadd t 5-6 h w",
      "x: xadd s 3-1 g w",
      "b: xread block 10 streams t $ | await b",
      "b: xread block 0 streams t +",
      "x: xadd t 6-1 i w",
    ],
  },
  {
    title: "a stream that is made by other means wakes readers",
    lines: [
      "a: xread block 0 streams s 0",
      "x: xadd t 1-1 f v | rename t s",
      "a: xread block 0 streams u 0-0",
      "x: copy s u",
      "a: xread block 0 streams v 0",
      "x: set v x | del v",
      "x: multi | xadd v 1-1 a b | del v | exec",
      "x: multi | xadd v 1-1 a b | xdel v 1-1 | exec",
      "x: xadd v 1-2 a b",
    ],
  },
  {
    title: "the consumers of a group share what is new",
    lines: [
      "x: xgroup create s g $ mkstream",
      "a: xreadgroup group g one block 0 streams s >",
      "b: xreadgroup group g two block 0 streams s >",
      "c: xreadgroup group g three count 1 block 0 noack streams s >",
      "x: info clients",
      "x: xadd s 1-1 f v",
      "x: xadd s 1-2 f v",
      "x: multi | xadd s 1-3 f v | xadd s 1-4 f v | exec",
      "x: xpending s g",
      "x: xinfo groups s",
    ],
  },
  {
    title: "consumers are told when their group or stream goes",
    lines: [
      "x: xgroup create s g $ mkstream | xgroup create t g $ mkstream",
      "a: xreadgroup group g one block 0 streams s >",
      "x: del s",
      "x: xgroup create s g $ mkstream",
      "a: xreadgroup group g one block 0 streams s >",
      "x: xgroup destroy s g",
      "x: xgroup create s g $",
      "a: xreadgroup group g one block 0 streams s t > >",
      "x: set s v",
      "x: del s | xgroup create s g $ mkstream",
      "a: xreadgroup group g one block 0 streams t s > >",
      "x: rename t u",
      "x: xgroup create t g $ mkstream",
      "a: xreadgroup group g one block 0 streams t >",
      "x: flushall async",
      "x: xgroup create t g $ mkstream",
      "a: xreadgroup group g one block 0 streams t >",
      "x: swapdb 0 5",
      "x: select 5 | exists t",
      "x: unlink t | select 0",
      "x: xgroup create t g $ mkstream",
      "a: xreadgroup group g one block 0 streams t >",
      "x: expire t 0",
      "x: xgroup create t g $ mkstream",
      "a: xreadgroup group g one block 0 streams t >",
      "x: pexpire t 30 | await a",
      "x: info clients",
    ],
  },
  {
    title: "readers without a group wait on when the stream goes",
    lines: [
      "x: xadd s 1-1 f v",
      "a: xread block 0 streams s $",
      "x: del s",
      "x: xadd s 1-1 f v",
      "x: xadd s 1-2 f v",
    ],
  },
  {
    title: "history is never waited for",
    lines: [
      "x: xgroup create s g $ mkstream",
      "a: xreadgroup group g one block 0 streams s 0",
      "a: multi | xreadgroup group g one block 0 streams s > | xread block 0 streams s $ | exec",
      "a: xreadgroup group g one block 20 streams s > | await a",
      "a: xread block -1 streams s $",
      "a: xread block x streams s $",
      "a: xread block 1.5 streams s $",
      "a: xread block 9223372036854775807 streams s $",
    ],
  },
];

const SCENES = [LISTS, TIMEOUTS, CLIENTS, SORTED_SETS, STREAMS].flat();

/** Whether our server has all the commands of a scene. */
function isKnown(known: Known, { lines }: Scene): boolean {
  const commands = lines.flatMap((line) => line.slice(line.indexOf(":") + 1).split(" | "));
  return commands.every((command) => {
    const [name, sub] = command.trim().toLowerCase().split(" ");
    return /^(await|leave|~.*)$/.test(name) || known(name) || known(`${name}|${sub}`);
  });
}

/** Every reply waits for the disk, so that those to clients that waited do, too. */
const ARGS = [
  ...["--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"],
];
/** Random scenes per protocol; MINIREDIS_SEED and MINIREDIS_STEPS choose others, and more. */
const SEED = Number(process.env.MINIREDIS_SEED ?? 1);
const RANDOM_SCENES = Number(process.env.MINIREDIS_STEPS ?? 2);
const LINES = 60;
const LOG = join("appendonlydir", "appendonly.aof.1.incr.aof");

differential(
  "blocking",
  "redis8",
  ({ probe }) => {
    for (const scene of SCENES) {
      probe(scene.title, (client, side) => play(client, side, scene));
    }
    probe("a key that is restored wakes", async (client, { known, connect }) => {
      if (!known("restore")) return "a command is not there yet";
      await client.run("rpush", "s", "1", "2");
      const dumped = binary((await client.ask("dump", "s")).text);
      const waiting = await connect();
      waiting.send(encodeCommand(["blpop", "k", "0"]));
      while (!String(await client.run("info", "clients")).includes("blocked_clients:1")) {
        await Bun.sleep(1);
      }
      const replies = await client.pipeline([
        ["restore", "k", "0", dumped],
        ["lrange", "k", "0", "-1"],
      ]);
      return [...replies, await waiting.next()].map(({ raw }) => raw);
    });
    for (let seed = SEED; seed < SEED + RANDOM_SCENES; seed++) {
      const title = `a random scene, seed ${seed}`;
      const lines = randomScene(new Choices(seed), LINES);
      probe(title, (client, side) => play(client, side, { title, lines }));
    }
  },
  { args: ARGS },
);

/** Everything that a scene shows, and what it leaves behind. */
async function play(client: RawClient, side: Side, scene: Scene): Promise<unknown> {
  if (!isKnown(side.known, scene)) return "a command is not there yet";
  const log = join(side.server.directory, LOG);
  const logged = readAofCommands(log).length;
  await client.run("config", "resetstat");
  const written = await playScene(side.connect, scene.lines);
  const effects = readAofCommands(log).slice(logged);
  return [
    ...written.map(comparable),
    ...(await restOf(client)),
    ...effects.map(({ db, args }) => `${db}> ${args.map(withoutTime).join(" ")}`),
  ];
}

/** An argument, unless it is a clock reading. */
function withoutTime(text: string): string {
  return /^\d{13}$/.test(text) ? "now" : text;
}

/** A line without what depends on times and on the servers' other clients. */
function comparable(line: string): string {
  if (line.includes("$6\r\nserver\r\n")) return `${line[0]} < greeted`;
  const isInfo = /# (Clients|Commandstats|Errorstats)/.test(line);
  if (!isInfo) return line;
  const kept = /^(blocked_clients|total_blocking|errorstat|cmdstat_(?!client\|(list|id)))/;
  return line
    .split("\r\n")
    .filter((field) => kept.test(field))
    .map((field) => field.replace(/usec(_per_call)?=[\d.]+/g, "usec$1"))
    .sort()
    .join("\n");
}

/** What is left in the end. */
async function restOf(client: RawClient): Promise<string[]> {
  const text = String(await client.run("info", "everything"));
  const counted = /^(rdb_changes_since|keyspace_(hits|misses)|total_error|expired_keys|errorstat)/;
  const counts = text.split("\r\n").filter((line) => counted.test(line));
  return [`keys: ${await client.run("dbsize")}`, ...counts.sort()];
}
