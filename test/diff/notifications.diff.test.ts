// Keyspace notifications against Redis 8.0: which events each command causes, and in which order.
// MINIREDIS_SEED and MINIREDIS_STEPS choose another run of the random commands.

import { encodeCommand, type RawClient } from "../harness/client.ts";
import { type Command, differential, type Side } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { eventsOf, watchEvents } from "../harness/keyspace-events.ts";
import { randomCommands, TEMPLATE_FAMILIES } from "../harness/random-commands.ts";
import { plainValue } from "../harness/reply.ts";
import { EFFECT_CASES } from "./effect-cases.ts";
import { EVENT_CASES } from "./event-cases.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 23);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 500);

/** Chance decides how many of them there are. */
const BY_CHANCE = new Set(["spop", "srandmember", "hrandfield", "zrandmember", "randomkey"]);

function* take(commands: Iterable<Command>, count: number): Generator<Command> {
  let taken = 0;
  for (const command of commands) {
    yield command;
    if (++taken === count) return;
  }
}

/** The events of commands that both servers know. */
async function compareEvents(
  client: RawClient,
  side: Side,
  commands: Iterable<Command>,
  classes?: string,
): Promise<string[]> {
  const watcher = await side.connect();
  await client.ask("select", "0");
  await client.ask("debug", "set-active-expire", "0");
  await watchEvents(client, watcher, classes);
  const all = [...commands];
  // All of a round trip has one time here.
  const sleeps = all.some(([name]) => name === "debug");
  const seen = await eventsOf(client, watcher, all, sleeps ? 1 : undefined);
  await client.ask("debug", "set-active-expire", "1");
  await client.ask("config", "set", "notify-keyspace-events", "");
  return seen;
}

/** What causes events of every class, without having to wait. */
const EACH_CLASS: readonly Command[] = Object.values(EVENT_CASES)
  .filter((cases) => cases.every(([name]) => name !== "debug"))
  .flat()
  .concat([
    ["set", "past", "1", "pxat", "1"],
    ["get", "past"],
  ]);

const isKnown = (side: Side, [name]: Command) => side.known(String(name).toLowerCase());

differential(
  "notifications",
  "redis8",
  ({ probe }) => {
    for (const [section, cases] of Object.entries({ ...EVENT_CASES, ...EFFECT_CASES })) {
      probe(`the events of ${section}`, (client, side) =>
        compareEvents(
          client,
          side,
          cases.filter((command) => isKnown(side, command) && command[0] !== "select"),
        ),
      );
    }

    for (const [family, templates] of Object.entries(TEMPLATE_FAMILIES)) {
      probe(`the events of ${STEPS} random commands of ${family}, seed ${SEED}`, (client, side) =>
        compareEvents(
          client,
          side,
          take(
            randomCommands(
              new Choices(SEED),
              (name) => side.known(name) && !BY_CHANCE.has(name),
              templates,
            ),
            STEPS,
          ),
        ),
      );
    }

    for (const classes of ["", "A", "K", "E", ...[..."g$lshzxetdmnA"].map((each) => `E${each}`)]) {
      probe(`only the events of ${JSON.stringify(classes)}`, (client, side) =>
        compareEvents(client, side, EACH_CLASS, classes),
      );
    }

    probe("evicted keys", async (client, side) => {
      const watcher = await side.connect();
      await watchEvents(client, watcher, "Ee");
      const names = Array.from({ length: 20 }, (_, k) => `k${k}`);
      for (const name of names) await client.ask("set", name, "x");
      await client.ask("config", "set", "maxmemory-policy", "allkeys-random", "maxmemory", "1");
      const seen: string[] = [];
      for (const _ of names) seen.push(watcherText(await watcher.next()));
      await client.ask("config", "set", "maxmemory", "0");
      return seen.sort();
    });

    probe("keys and fields that expire by themselves", async (client, side) => {
      const watcher = await side.connect();
      await watchEvents(client, watcher, "Egxh");
      await client.ask("hset", "h", "a", "1", "b", "2");
      await client.ask("hpexpire", "h", "1", "fields", "1", "a");
      await client.ask("hset", "g", "a", "1");
      await client.ask("hpexpire", "g", "1", "fields", "1", "a");
      await client.ask("set", "s", "1", "px", "1");
      const seen: string[] = [];
      // Five of setting fields and times, hexpired twice, del and expired.
      for (let k = 0; k < 9; k++) seen.push(watcherText(await watcher.next()));
      return seen.sort();
    });

    probe("a client that waited is served with the events of its own command", async (_, side) => {
      const client = await side.connect();
      const waiting = await side.connect();
      const watcher = await side.connect();
      await watchEvents(client, watcher, "EA");
      const id = plainValue(await waiting.ask("client", "id"));
      const served = waiting.ask("blmove", "from", "to", "left", "right", "0");
      while (
        !/flags=b/.test(String(plainValue(await client.ask("client", "list", "id", `${id}`))))
      );
      await client.ask("rpush", "from", "x");
      await served;
      const seen: string[] = [];
      for (let k = 0; k < 4; k++) seen.push(watcherText(await watcher.next()));
      return seen;
    });

    probe("a client hears of its own keys behind its replies", async (client, side) => {
      await client.ask("hello", "3");
      await client.ask("config", "set", "notify-keyspace-events", "KEA");
      // In RESP3 that is confirmed by a push.
      client.send(encodeCommand(["psubscribe", "__key*__:*"]));
      const replies = [
        await client.ask("set", "k", "v", "px", "100000"),
        await client.ask("rpush", "l", "a", "b"),
        await client.ask("lmpop", "1", "l", "left", "count", "2"),
      ];
      const other = await side.connect();
      const served = client.ask("blpop", "w", "0");
      await other.ask("rpush", "w", "x");
      replies.push(await served, await client.ask("get", "k"));
      return [replies.map(({ raw }) => raw), client.pushes.map(({ raw }) => raw)];
    });
  },
  { args: ["--enable-debug-command", "yes"] },
);

function watcherText(reply: Parameters<typeof plainValue>[0]): string {
  return String(plainValue(reply));
}
