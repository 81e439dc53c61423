// Transactions, against Redis 8.0: what is queued, refused and run; which changes spoil them; and
// scenes with several clients.

import type { RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { randomCommands, TEMPLATE_FAMILIES } from "../harness/random-commands.ts";
import { inTransactions, watched } from "../harness/random-transactions.ts";
import { playScene } from "../harness/scene.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 5);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 400);

/** Several commands on one line, words separated by blanks. */
function lines(...texts: string[]): Command[] {
  return texts.flatMap((text) => text.split(" | ").map((command) => command.split(" ")));
}

function take(commands: Iterable<Command>, count: number): Command[] {
  const taken: Command[] = [];
  for (const command of commands) {
    taken.push(command);
    if (taken.length === count) break;
  }
  return taken;
}

const RULES = lines(
  "multi | multi | ping | exec",
  "multi | watch a | exec",
  "multi | save | exec | multi | shutdown | exec",
  "exec | discard | unwatch",
  "multi | nosuch | exec | multi | get | exec | multi | client nosuch | exec",
  "multi | discard x | exec | multi | exec x | ping | exec | multi x | exec",
  "multi | watch | exec | watch | unwatch x",
  "multi | unwatch | exec | multi | monitor | exec",
  "multi | set a x | incr a | lpush a 1 | get a | exec",
  "multi | exec | multi | discard",
  "multi | select 3 | set k 1 | select 0 | get k | exec | exists k",
  "select 3 | multi | select 0 | exec | set only-here 1 | select 0 | exists only-here",
  "multi | blpop l 0 | brpop l 0 | bzpopmin z 0 | blmove l m left left 0 | exec",
  "multi | xread block 0 streams s $ | wait 1 0 | exec",
  "multi | config set maxmemory 1 | get a | exec | config set maxmemory 0",
  "config set maxmemory 1 | multi | get a | ping | exec | config set maxmemory 0",
  "config set maxmemory 1 | multi | discard | multi | exec | config set maxmemory 0",
  "multi | set a 1 | reset | exec | get a",
  "watch a | set a 1 | reset | multi | ping | exec",
  "watch a | set a 1 | unwatch | multi | ping | exec",
  "watch a | set a 1 | multi | discard | multi | ping | exec",
  "watch a | set a 1 | watch b | multi | nosuch | exec",
  "watch a a b | multi | set a 1 | set a 2 | exec",
  "multi | bgsave schedule | exec",
  "multi | exec",
);

/** Sent at once: time passes between commands, but not within a transaction or script. */
const TIMES = lines(
  "debug set-active-expire 0",
  "set k 1 px 5 | debug sleep 0.02 | exists k | get k",
  "set k 1 px 5 | multi | debug sleep 0.02 | exists k | exec | exists k",
  "set k 1 px 5 | get k | eval local\tn=0\tfor\ti=1,3000000\tdo\tn=n+1\tend\treturn\tn 0 | get k",
  "watch k | set k 1 px 5 | debug sleep 0.02 | multi | get k | exec",
  "debug set-active-expire 1",
);

const CHANGES = lines(
  "debug set-active-expire 0",
  "set k 1 px 1 | debug sleep 0.003 | watch k | get k | multi | ping | exec",
  "set k 1 px 1 | debug sleep 0.003 | watch k | set k 2 | multi | ping | exec",
  "set k 1 px 1 | debug sleep 0.003 | watch k | multi | ping | exec",
  "set k 1 px 1 | debug sleep 0.003 | watch k | flushall | multi | ping | exec",
  "set k 1 px 1 | debug sleep 0.003 | watch k | del k | set k 1 | multi | ping | exec",
  "set k 1 px 1 | debug sleep 0.003 | watch k | swapdb 0 1 | multi | ping | exec",
  "set k 1 px 1 | debug sleep 0.003 | select 1 | watch k | swapdb 0 1 | multi | ping | exec",
  "select 0 | flushall",
  "set k 1 | watch k | debug reload | multi | ping | exec",
  "watch k | debug reload | multi | ping | exec",
  "set k 1 | watch k | flushdb | multi | ping | exec",
  "watch k | set j 1 | flushdb | multi | ping | exec",
  "set k 1 | select 1 | watch k | flushall | multi | ping | exec | select 0",
  "set k 1 | watch k | swapdb 0 1 | multi | ping | exec | flushall",
  "set k 1 | select 1 | watch k | swapdb 0 1 | multi | ping | exec | select 0 | flushall",
  "watch k | swapdb 0 1 | multi | ping | exec | swapdb 0 0 | flushall",
  "set k 1 | watch k | swapdb 0 0 | multi | ping | exec",
  "set k 1 | select 1 | set k 2 | watch k | swapdb 1 0 | multi | ping | exec | select 0 | flushall",
  "set k 1 | watch k | select 1 | set k 1 | multi | ping | exec | select 0",
  "set k 1 | watch k | move k 1 | multi | ping | exec | flushall",
  "set j 1 | select 1 | watch j | select 0 | move j 1 | multi | ping | exec | flushall",
  "set j 1 | select 1 | watch j | select 0 | copy j j db 1 | multi | ping | exec | flushall",
  "rpush l 1 2 | watch l | ltrim l 0 -1 | multi | ping | exec",
  "watch l | ltrim l 0 0 | multi | ping | exec | watch l | lrange l 0 -1 | multi | ping | exec",
  "hset h f v | watch h | hpexpire h 1 fields 1 f | multi | ping | exec",
  "hset h f v g w | hpexpire h 1 fields 1 f | watch h | debug sleep 0.01 | multi | ping | exec",
  "debug set-active-expire 1",
  "del h | hset h f v | watch h | hget h f | hset h f v | multi | ping | exec",
  "xadd s 1-1 f v | xgroup create s g 0",
  "watch s | xreadgroup group g c streams s > | multi | ping | exec",
  "watch s | xgroup create s h 0 | multi | ping | exec",
  "watch t | xgroup create t h 0 mkstream | multi | ping | exec",
  "watch s | xack s g 1-1 | multi | ping | exec",
  "watch s | xgroup createconsumer s g d | multi | ping | exec",
  "watch s | xgroup setid s g 0 | multi | ping | exec",
  "watch s | xreadgroup group g e streams s > | multi | ping | exec",
  "watch s | xclaim s g d 0 1-1 | multi | ping | exec",
  "watch s | xautoclaim s g e 0 0 | multi | ping | exec",
  "watch s | xsetid s 5-5 | multi | ping | exec",
  "watch s | xgroup delconsumer s g d | multi | ping | exec",
  "watch s | xgroup destroy s g | multi | ping | exec",
);

/** Commands whose replies have no order of their own or tell the time, which EXEC's do not tell. */
const UNSTEADY = /^(keys|smembers|s(inter|union|diff)|h(keys|vals|getall)|x(info|pending))$/i;

function isSteady([name]: Command): boolean {
  return !UNSTEADY.test(String(name));
}

const LIFE_MS = 50;

/** What EXEC says where a watched key has expired since, and another command has been sent. */
async function expireWatched(client: RawClient, command: Command): Promise<string> {
  // On a busy machine the key may have expired before it is watched: then once more.
  for (let startMs = Number.NEGATIVE_INFINITY; performance.now() - startMs > LIFE_MS - 5; ) {
    await client.run("unwatch");
    startMs = performance.now();
    await client.run("set", "k", "1", "px", LIFE_MS);
    await client.run("watch", "k");
  }
  await client.run("debug", "sleep", String((LIFE_MS + 10) / 1000));
  if (command.length > 0) await client.run(...command);
  await client.run("multi");
  await client.run("ping");
  return (await client.ask("exec")).raw;
}

/** Queues commands until the connection is closed, or many of them; how many were answered. */
async function queueMany(client: RawClient, first: Command, bytes: number): Promise<string> {
  await client.run("multi");
  await client.ask(...first);
  const value = "x".repeat(bytes);
  let answered = 0;
  while (answered < 200 && (await client.ask("set", "k", value)).kind !== "closed") answered++;
  if (answered < 200) return `closed after ${answered}`;
  return (await client.ask("exec")).raw;
}

interface Scene {
  readonly title: string;
  readonly lines: readonly string[];
}

const SCENES: readonly Scene[] = [
  {
    title: "another client's changes spoil, and only those",
    lines: [
      "a: watch k | multi | incr k",
      "x: get k | set j 1",
      "a: exec",
      "a: watch k | multi | incr k",
      "x: set k 5",
      "a: exec",
      "a: get k",
      "a: watch k j | multi | incr k",
      "b: watch k | multi | incr k",
      "x: multi | del j | get j | exec",
      "a: exec",
      "b: exec",
    ],
  },
  {
    title: "who waits is served after the whole transaction",
    lines: [
      "a: blpop k 0",
      "b: blpop j k 0",
      "x: multi | rpush k 1 | llen k | rpush j 2 | rpush k 3 | lpop k | exec",
      "x: exists k j",
    ],
  },
  {
    title: "a key popped by one who waited is changed",
    lines: ["a: blpop k 0", "w: watch k | multi | ping", "x: rpush k 1", "w: exec"],
  },
  {
    title: "leaving and being killed forget the transaction",
    lines: [
      "a: watch k | multi | set k 1",
      "a: leave",
      "x: get k",
      "b: watch k | multi | set k 1",
      "x: client kill id $b",
      "x: get k",
    ],
  },
  {
    title: "a pause holds what would write, when it is queued and when it is run",
    lines: [
      "a: multi | get k",
      "b: multi | set k 1",
      "x: client pause 50 write",
      "a: exec",
      "b: exec | await b",
      "x: client pause 30 write",
      "a: multi | set k 2 | await a",
      "a: exec",
    ],
  },
];

differential(
  "transactions",
  "redis8",
  ({ compare, dialogue, probe }) => {
    compare("what may be queued, and what EXEC says", () => RULES);
    dialogue("what spoils a transaction", () => CHANGES);
    compare("time that passes", () => TIMES);
    probe("a watched key that expires spoils a transaction", async (client) => [
      await expireWatched(client, []),
      await expireWatched(client, ["get", "k"]),
    ]);
    probe("what is queued counts as unread, unless EXEC runs nothing", async (client, side) => {
      await client.run("config", "set", "client-query-buffer-limit", "1048576");
      const seen: string[] = [];
      for (const bytes of [9_000, 30_000, 200_000]) {
        seen.push(await queueMany(await side.connect(), ["get", "k"], bytes));
        seen.push(await queueMany(await side.connect(), ["nosuch"], bytes));
      }
      const watching = await side.connect();
      await watching.run("watch", "k");
      await client.run("set", "k", "1");
      seen.push(await queueMany(watching, ["get", "k"], 9_000));
      await client.run("config", "set", "client-query-buffer-limit", "1073741824");
      return seen;
    });
    for (const [family, templates] of Object.entries(TEMPLATE_FAMILIES)) {
      compare(`${family}: which commands spoil a transaction, seed ${SEED}`, (known) => {
        const commands = randomCommands(new Choices(SEED), known, templates);
        return watched(new Choices(SEED + 1), take(commands, STEPS));
      });
      compare(`${family}: in transactions, seed ${SEED}`, (known) => {
        const commands = take(randomCommands(new Choices(SEED + 2), known, templates), STEPS);
        return inTransactions(new Choices(SEED + 3), commands.filter(isSteady));
      });
    }
    for (const { title, lines: scene } of SCENES) {
      probe(title, (_client, { connect }) => playScene(connect, scene));
    }
  },
  { args: ["--enable-debug-command", "yes"] },
);
