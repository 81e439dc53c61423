// MIGRATE: as Redis 8.0 does it, to one and the same target; and data of every type from our server
// to each real one and back.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { binary, type RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";
import { findOracle, ORACLES_REQUIRED, type OracleName, startOracle } from "../harness/oracle.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const ARGS = ["--enable-debug-command", "yes", "--notify-keyspace-events", "KEA"];
const HOST = "127.0.0.1";
/** How often a key that is written to is moved. */
const MOVES = 80;
const IN_SCRIPT = `'migrate','${HOST}',ARGV[1],KEYS[1],1,1000`;
/** A port that nobody listens on. */
const NOBODY = 1;

let target: ServerProcess;
beforeAll(async () => {
  if (findOracle("redis8") !== undefined) target = await startOracle("redis8", ARGS);
});
afterAll(() => target?.stop());

function targetPort(): number {
  return "port" in target.address ? target.address.port : 0;
}

/** Asks both servers, ours or theirs and the target, one after the other; what they replied. */
async function replies(client: RawClient, commands: readonly Command[]): Promise<string[]> {
  const found: string[] = [];
  for (const command of commands) found.push((await client.ask(...command)).raw);
  return found;
}

differential(
  "migrate",
  "redis8",
  ({ probe }) => {
    /** Runs commands at the source, then looks at both ends. `PORT` stands for the target's. */
    function moves(title: string, lines: readonly string[], atTarget: readonly string[] = []) {
      probe(title, async (client) => {
        await using other = await target.connect();
        await other.ask("flushall");
        for (const line of atTarget) await other.ask(...line.split(" "));
        const commands = lines.map((line) =>
          line
            .split(" ")
            .map((word) => (word === "PORT" ? targetPort() : word.replace(/^""$/, ""))),
        );
        const source = await replies(client, commands);
        return [source, await replies(client, AFTERWARDS), await replies(other, AFTERWARDS)];
      });
    }

    moves("a key, with its time to live", [
      "set a 1",
      `migrate ${HOST} PORT a 0 1000`,
      "set b 1 pxat 99999999999999",
      `migrate ${HOST} PORT b 3 1000`,
      `migrate ${HOST} PORT b 3 1000`,
      "exists a b",
    ]);
    moves("database -1: the one selected there, where nobody knows which that is", [
      "set a 1",
      ...[0, 99, -1, -1, 1, -1, -1].map((db) => `migrate ${HOST} PORT a ${db} 1000 copy replace`),
      `migrate ${HOST} PORT a 0 1000`,
    ]);
    moves("every type at once", [
      "rpush list 1 b 3",
      "hset hash a 1 b 2",
      "sadd set 1 2 x",
      "sadd ints 1 2",
      "zadd zset 1 a 2 b",
      "xadd stream 1-1 a b",
      "pfadd hll a b",
      `migrate ${HOST} PORT "" 2 1000 keys list hash nokey set ints zset stream hll`,
      "dbsize",
    ]);
    moves(
      "several keys, of which the target refuses some",
      [
        "mset a 1 b 2 c 3 d 4",
        `migrate ${HOST} PORT "" 0 1000 keys a b c nokey d`,
        "exists a c nokey",
        `migrate ${HOST} PORT "" 0 1000 copy replace keys b d`,
        "exists b d",
        `migrate ${HOST} PORT b 0 1000 COPY`,
        "set a 9",
        `migrate ${HOST} PORT "" 0 1000 replace keys a a`,
        `migrate ${HOST} PORT b 0 1000 replace`,
        "dbsize",
      ],
      ["set b old", "set d old"],
    );
    moves(
      "to a target that wants a password, or none",
      [
        "set a 1",
        "set b 1",
        `migrate ${HOST} PORT a 0 1000`,
        `migrate ${HOST} PORT a 0 1000 auth wrong`,
        `migrate ${HOST} PORT a 0 1000 auth2 default secret`,
        `migrate ${HOST} PORT b 0 1000 auth2 nobody x auth secret`,
        `migrate ${HOST} PORT b 0 1000 auth secret`,
        "exists a b",
      ],
      ["config set requirepass secret"],
    );
    moves(
      "a password where none is set",
      ["set a 1", `migrate ${HOST} PORT a 0 1000 auth secret`, "exists a"],
      ["config set requirepass ", "auth default x"],
    );
    moves("to nobody, nowhere and databases that do not exist", [
      "set a 1",
      `migrate ${HOST} ${NOBODY} a 0 1000`,
      `migrate ${HOST} x a 0 1000`,
      `migrate ${HOST} -1 a 0 1000`,
      `migrate ${HOST} 70000 a 0 1000`,
      "migrate nohost.invalid 1 a 0 1000",
      'migrate "" 1 a 0 1000',
      `migrate ${HOST} PORT a 16 1000`,
      `migrate ${HOST} PORT a 9223372036854775807 0`,
      `migrate ${HOST} PORT a 0 -7`,
      "exists a",
    ]);
    moves("in transactions and scripts", [
      "set a 1",
      "set b 2",
      "multi",
      `migrate ${HOST} PORT a 1 1000`,
      "exists a",
      "set a again",
      `migrate ${HOST} PORT a 1 1000`,
      `migrate ${HOST} ${NOBODY} a 1 1000`,
      "exec",
      "exists a",
      `eval return{redis.call(${IN_SCRIPT}),redis.call('exists',KEYS[1])} 1 b PORT`,
      `eval return{redis.pcall(${IN_SCRIPT}),redis.call('exists',KEYS[1])} 1 a PORT`,
      "watch a",
      `migrate ${HOST} PORT a 1 1000 replace`,
      "multi",
      "ping",
      "exec",
    ]);

    probe("arguments in every order, and wrong ones", async (client) => {
      const tails: Command[] = [
        ...["x", "", "copy x", "auth", "auth2", "auth2 u", "keys", "keys k", "copy copy"].map(
          (text) => text.split(" "),
        ),
        ["KEYS"],
        ["auth", "copy"],
      ];
      const found: string[] = [];
      for (const key of ["k", ""]) {
        for (const tail of tails) {
          found.push((await client.ask("migrate", HOST, NOBODY, key, 0, 1000, ...tail)).raw);
        }
      }
      for (const argument of [...HOSTILE_INTEGERS, ...HOSTILE_STRINGS]) {
        for (const position of [3, 4, 5, 6]) {
          const command: (string | number | Uint8Array)[] = ["migrate", HOST, NOBODY, "k", 0, 1000];
          command[position] = typeof argument === "bigint" ? Number(argument) : argument;
          found.push((await client.ask(...command)).raw);
        }
      }
      for (const count of [1, 2, 3, 4, 5]) {
        found.push((await client.ask(...["migrate", HOST, "1", "k", "0"].slice(0, count))).raw);
      }
      return found;
    });

    probe("a target that is silent, and one that goes away", async (client) => {
      await client.ask("set", "a", 1);
      const found: string[] = [];
      const talk = async (behave: (socket: { write(text: string): void; end(): void }) => void) => {
        const listener = Bun.listen({
          hostname: HOST,
          port: 0,
          socket: { data: (socket) => behave(socket) },
        });
        found.push((await client.ask("migrate", HOST, listener.port, "a", 0, 100)).raw);
        found.push((await client.ask("exists", "a")).raw);
        listener.stop(true);
      };
      await talk(() => {});
      await talk((socket) => socket.end());
      await talk((socket) => socket.write("+OK\r\n"));
      await talk((socket) => {
        socket.write("+OK\r\n");
        socket.end();
      });
      await talk((socket) => socket.write("+OK\r\n-ERR no\tthanks\r\n"));
      await talk((socket) => socket.write("-ERR no\r\n-ERR thanks\r\n"));
      await talk((socket) => socket.write(`+OK\r\n-${"x".repeat(3000)}\r\n`));
      await talk((socket) => socket.write("\n\n"));
      await client.ask("mset", "b", 1, "c", 1);
      await talk(() => {});
      return found;
    });

    probe("what is told of it, and its effects", async (client, side) => {
      await using other = await target.connect();
      await other.ask("flushall");
      await using listener = await side.connect();
      await listener.ask("psubscribe", "__key*__:*");
      await client.ask("mset", "a", 1, "b", 1, "c", 1);
      const before = Number(await changes(client));
      await client.ask("migrate", HOST, targetPort(), "", 0, 1000, "keys", "a", "b", "x");
      await client.ask("migrate", HOST, targetPort(), "c", 0, 1000, "copy");
      const after = Number(await changes(client));
      const heard: string[] = [];
      // Three sets, two deletions, two channels each.
      for (let k = 0; k < 10; k++) heard.push((await listener.next()).raw);
      return [heard, after - before];
    });
  },
  { args: ARGS, timeoutMs: 20_000 },
);

/** What both ends are asked in the end. */
const AFTERWARDS: Command[] = [
  ["auth", "secret"],
  ...[0, 1, 2, 3].flatMap((db) => [["select", db], ["debug", "digest"], ["dbsize"]]),
  ["select", 0],
  ["config", "set", "requirepass", ""],
];

async function changes(client: RawClient): Promise<string> {
  const info = (await client.ask("info", "persistence")).text;
  return /rdb_changes_since_last_save:(\d+)/.exec(info)?.[1] ?? "";
}

const SAMPLES: Command[] = [
  ["set", "string", "value"],
  ["set", "number", "12345", "px", "1000000"],
  ["set", binary("\xff\x00 bytes"), binary("\x00\xff")],
  ["set", "long", "x".repeat(300_000)],
  ["rpush", "list", "a", "1", "y".repeat(10_000)],
  ["rpush", "long list", ...Array.from({ length: 500 }, (_, k) => `element ${k}`)],
  ["sadd", "ints", 1, 2, 3],
  ["sadd", "set", "a", "b"],
  ["sadd", "large set", ...Array.from({ length: 600 }, (_, k) => `m${k}`)],
  ["hset", "hash", "a", 1, "b", 2],
  ["hset", "large hash", ...Array.from({ length: 1200 }, (_, k) => `f${k}`)],
  ["zadd", "zset", 1, "a", 2.5, "b"],
  ["zadd", "large zset", ...Array.from({ length: 600 }, (_, k) => (k % 2 ? `m${k}` : k))],
  ["xadd", "stream", "1-1", "a", "b"],
  ["xgroup", "create", "stream", "group", 0],
  ["xreadgroup", "group", "group", "me", "count", 1, "streams", "stream", ">"],
];

describe("data of every type", () => {
  for (const name of ["redis7", "redis8", "valkey9", "ours"] as const) {
    const isMissing = name !== "ours" && findOracle(name as OracleName) === undefined;
    if (isMissing && ORACLES_REQUIRED) throw new Error(`the oracle ${name} is missing and CI=true`);
    test.skipIf(isMissing)(`goes from us to ${name} and back`, async () => {
      await using source = await startServer({ args: ARGS });
      await using peer =
        name === "ours" ? await startServer({ args: ARGS }) : await startOracle(name, ARGS);
      await using ours = await source.connect();
      await using theirs = await peer.connect();
      await ours.pipeline(SAMPLES);
      const digest = (await ours.ask("debug", "digest")).text;
      await carry(ours, peer);
      expect((await ours.ask("dbsize")).raw).toBe(":0\r\n");
      if (name !== "redis7") expect((await theirs.ask("debug", "digest")).text).toBe(digest);
      await carry(theirs, source);
      expect((await theirs.ask("dbsize")).raw).toBe(":0\r\n");
      expect((await ours.ask("debug", "digest")).text).toBe(digest);
    });
  }
});

describe("a key that others write to", () => {
  for (const policy of ["no", "always"]) {
    test(`moves without a write being lost or doubled, appendfsync ${policy}`, async () => {
      const log = ["--appendonly", "yes", "--appendfsync", policy];
      await using source = await startServer({ args: [...ARGS, ...log] });
      await using peer = await startServer();
      let isOver = false;
      let next = 0;
      const acknowledged = new Set<string>();
      const write = async () => {
        await using client = await source.connect();
        while (!isOver) {
          const value = `${next++}`;
          // Some alone, some in transactions and scripts.
          const commands: Command[] = [
            ["rpush", "list", value],
            ["multi"],
            ["rpush", "list", `${value} in a transaction`],
            ["exec"],
            ["eval", "return redis.call('rpush', 'list', ARGV[1])", 0, `${value} in a script`],
          ];
          const replies = await client.pipeline(commands);
          for (const { raw } of replies) expect(raw.startsWith("-")).toBe(false);
          for (const suffix of ["", " in a transaction", " in a script"]) {
            acknowledged.add(value + suffix);
          }
        }
      };
      const writers = Array.from({ length: 5 }, write);
      await using mover = await source.connect();
      await using theirs = await peer.connect();
      for (let move = 0; move < MOVES; move++) {
        const reply = await mover.ask("migrate", HOST, peer.port, "list", 0, 5000);
        expect(["+OK\r\n", "+NOKEY\r\n"]).toContain(reply.raw);
        if (reply.raw === "+OK\r\n") await theirs.ask("rename", "list", `list ${move}`);
      }
      isOver = true;
      await Promise.all(writers);
      await mover.ask("migrate", HOST, peer.port, "list", 0, 5000);
      const found: string[] = [];
      for (const { text: key } of (await theirs.ask("keys", "*")).items) {
        found.push(...(await theirs.ask("lrange", key, 0, -1)).items.map(({ text }) => text));
      }
      expect(found.length).toBeGreaterThan(MOVES);
      expect(found.sort()).toEqual([...acknowledged].sort());
      expect((await mover.ask("dbsize")).raw).toBe(":0\r\n");
      // The log says so, too.
      expect((await mover.ask("debug", "loadaof")).raw).toBe("+OK\r\n");
      expect((await mover.ask("dbsize")).raw).toBe(":0\r\n");
    });
  }
});

/** Moves every key to a server. */
async function carry(from: RawClient, to: ServerProcess): Promise<void> {
  const port = "port" in to.address ? to.address.port : 0;
  const keys = (await from.ask("keys", "*")).items.map(({ text }) => binary(text));
  expect(keys.length).toBe(14);
  const reply = await from.ask("migrate", HOST, port, "", 0, 5000, "keys", ...keys);
  expect(reply.raw).toBe("+OK\r\n");
}
