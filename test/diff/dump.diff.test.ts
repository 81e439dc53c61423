// DUMP and RESTORE: errors and their order as Redis 8.0 has them, and payloads of every type and
// encoding carried to the real servers and back.

import { expect, test } from "bun:test";
import { type Argument, binary, type RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { arities, HOSTILE_INTEGERS } from "../harness/generate.ts";
import { findOracle, type OracleName, startOracle } from "../harness/oracle.ts";
import { plainValue } from "../harness/reply.ts";
import { SAMPLE_VALUES, type SampleValue } from "../harness/sample-values.ts";
import { startServer } from "../harness/server.ts";

/** What Redis 7.0 dumps "v" to. */
const PAYLOAD_TEXT = "\x00\x01v\n\x00\x91\b\xce\xb2\x198\x8a\xce";
const PAYLOAD = binary(PAYLOAD_TEXT);
const FUTURE_MS = "33177117420000";

/** The payload with one byte changed, or cut, or longer. */
function* damaged(): Generator<Uint8Array> {
  for (let at = 0; at < PAYLOAD.length; at++) {
    const changed = Uint8Array.from(PAYLOAD);
    changed[at] ^= 0x41;
    yield changed;
    yield PAYLOAD.slice(0, at);
  }
  yield binary(`${PAYLOAD_TEXT}x`);
}

differential("dump", "redis8", ({ compare }) => {
  compare("arities", function* () {
    yield* arities("dump", 4);
    yield* arities("restore", 8);
    yield* arities("restore-asking", 8);
  });

  compare("RESTORE checks its arguments in Redis's order", function* () {
    const options: readonly Argument[][] = [
      [],
      ["replace"],
      ["ABSTTL"],
      ["absttl", "replace"],
      ["idletime"],
      ["idletime", "5"],
      ["idletime", "-1"],
      ["freq", "5"],
      ["freq", "256"],
      ["freq", "-1"],
      ["freq", "1", "idletime", "1"],
      ["idletime", "1", "freq", "1"],
      ["idletime", "x", "freq", "1"],
      ["bogus"],
      ["replace", "bogus"],
    ];
    for (const prior of [undefined, "old"]) {
      for (const ttl of ["0", "-1", "x", "100000", FUTURE_MS]) {
        for (const payload of [PAYLOAD, "", "bad payload"]) {
          for (const chosen of options) {
            yield ["del", "k"];
            if (prior !== undefined) yield ["set", "k", prior];
            yield ["restore", "k", ttl, payload, ...chosen];
            yield ["get", "k"];
            yield ["exists", "k"];
          }
        }
      }
    }
  });

  compare("RESTORE takes times of all sizes", function* () {
    for (const ttl of HOSTILE_INTEGERS) {
      yield ["restore", "k", ttl, PAYLOAD, "replace"];
      // What lives for milliseconds may be gone in one of two servers already.
      if (ttl !== "1" && ttl !== "10") yield ["exists", "k"];
      yield ["set", "k", "old"];
      yield ["restore", "k", ttl, PAYLOAD, "replace", "absttl"];
      // Times beyond 2^53 ms, some 285,000 years away, are kept as doubles.
      yield String(ttl).length < 16 ? ["pexpiretime", "k"] : ["exists", "k"];
    }
  });

  compare("RESTORE refuses damaged payloads and keeps what was there", function* () {
    yield ["set", "k", "old"];
    for (const payload of damaged()) {
      yield ["restore", "k", "0", payload, "replace"];
      yield ["get", "k"];
    }
  });
});

/** What a key holds, as far as two servers must agree on it. */
async function describeValue(client: RawClient, key: string): Promise<unknown> {
  const questions: Command[] = [["type", key]];
  // Redis 7.0 digests scores in another form.
  if (key.startsWith("zset")) questions.push(["zrange", key, "0", "-1", "withscores"]);
  else questions.push(["debug", "digest-value", key]);
  if (key.startsWith("stream")) {
    questions.push(["xinfo", "groups", key], ["xrange", key, "-", "+"]);
    questions.push(["xpending", key, "one"], ["xpending", key, "one", "-", "+", "1"]);
  }
  const answers: unknown[] = [];
  for (const question of questions) answers.push(plainValue(await client.ask(...question)));
  const shown = key.startsWith("zset") ? answers.map(numbersIn) : answers;
  return shown.map((answer) => (Array.isArray(answer) ? withoutIdleTimes(answer) : answer));
}

/** Scores as numbers: Redis 7.0 prints more digits. */
function numbersIn(answer: unknown): unknown {
  if (!Array.isArray(answer)) return answer;
  return answer.map((item, k) => (k % 2 === 1 ? Number(item) : item));
}

/** XPENDING tells how long ago an entry was delivered. */
function withoutIdleTimes(answer: unknown[]): unknown[] {
  return answer.map((item) =>
    Array.isArray(item) && item.length === 4 ? [item[0], item[1], item[3]] : item,
  );
}

async function make(client: RawClient, { commands }: SampleValue): Promise<void> {
  for (const command of commands) await client.ask(...command);
}

test.skipIf(findOracle("redis8") === undefined)(
  "INFO counts the encodings that sanitize-dump-payload has looked through, as redis8",
  async () => {
    const args = ["--enable-debug-command", "yes"];
    await using ours = await startServer({ args });
    await using theirs = await startOracle("redis8", args);
    await using source = await theirs.connect();
    const payloads: [key: string, payload: Uint8Array][] = [];
    for (const value of SAMPLE_VALUES) {
      await make(source, value);
      payloads.push([value.key, binary((await source.ask("dump", value.key)).text)]);
    }
    const counts: number[][] = [];
    for (const server of [ours, theirs]) {
      await using client = await server.connect();
      await client.ask("flushall");
      await client.ask("acl", "setuser", "trusted", "on", "nopass", "~*", "+@all");
      await client.ask("acl", "setuser", "trusted", "skip-sanitize-payload");
      const row: number[] = [];
      for (const mode of ["no", "clients", "yes"]) {
        await client.ask("config", "set", "sanitize-dump-payload", mode);
        for (const user of ["default", "trusted"]) {
          await client.ask("auth", user, "any");
          for (const [key, payload] of payloads) {
            await client.ask("restore", key, "0", payload, "replace");
            row.push(await sanitizations(client));
          }
        }
        // How a file holds a value is each server's own affair.
        await client.ask("config", "resetstat");
        await client.ask("debug", "reload");
        row.push(Number((await sanitizations(client)) >= SAMPLE_VALUES.length / 2));
        await client.ask("config", "resetstat");
      }
      counts.push(row);
    }
    expect(counts[0]).toEqual(counts[1]);
    expect(counts[0].at(-1)).toBe(1);
    expect(Math.max(...counts[0])).toBeGreaterThan(SAMPLE_VALUES.length / 2);
  },
);

async function sanitizations(client: RawClient): Promise<number> {
  const text = String(plainValue(await client.ask("info", "stats")));
  return Number(/dump_payload_sanitizations:(\d+)/.exec(text)?.[1]);
}

/** Dumps a key on one server and restores it on the other. */
async function carry(key: string, from: RawClient, to: RawClient): Promise<string> {
  const payload = await from.ask("dump", key);
  const reply = await to.ask("restore", key, "0", binary(payload.text), "replace");
  return reply.text;
}

const ORACLES: readonly OracleName[] = ["redis7", "redis8", "valkey9"];

for (const oracle of ORACLES) {
  const isMissing = findOracle(oracle) === undefined;
  test.skipIf(isMissing)(`payloads go to ${oracle} and come back unchanged`, async () => {
    const args = ["--enable-debug-command", "yes"];
    await using ours = await startServer({ args });
    await using theirs = await startOracle(oracle, args);
    await using our = await ours.connect();
    await using their = await theirs.connect();
    for (const value of SAMPLE_VALUES) {
      if (value.isNew && oracle !== "redis8") continue;
      const { key } = value;
      await make(our, value);
      const before = await describeValue(our, key);
      expect([key, await carry(key, our, their)]).toEqual([key, "OK"]);
      expect([key, await describeValue(their, key)]).toEqual([key, before]);
      await our.ask("del", key);
      await their.ask("del", key);
      await make(their, value);
      const made = await describeValue(their, key);
      const encoding = plainValue(await their.ask("object", "encoding", key));
      expect([key, await carry(key, their, our)]).toEqual([key, "OK"]);
      expect([key, await describeValue(our, key)]).toEqual([key, made]);
      // Redis 7.0 has no listpacks for small lists and sets.
      if (oracle === "redis7") continue;
      expect([key, plainValue(await our.ask("object", "encoding", key))]).toEqual([key, encoding]);
    }
  });
}
