// What macro benchmarks load servers with besides the tests that redis-benchmark brings along: its
// custom commands over data made first, and loads that it cannot send.

import { requestText } from "./collection-frames.ts";
import { type Frames, patchedFrames, sendFrames, writeDigits } from "./pipeline.ts";
import { publishTest } from "./publish-load.ts";
import { type Load, type LoadResult, runLoad } from "./redis-benchmark.ts";
import { SCRIPT_TESTS } from "./script-load.ts";

/** A load of our own. */
export interface LoadTest {
  /** Makes the data; not part of what is measured. */
  prepare(port: number, requests: number): Promise<void>;
  /** Runs it; undefined where the server does not know a command. */
  run(load: Load): Promise<LoadResult | undefined>;
  /** Requests of a sample, for one at a time and for pipelines. */
  readonly requests: readonly [single: number, pipelined: number];
}

const RANDOM = "__rand_int__";
const MINUS = 45;
const DIGITS = 12;
const NUMBER = "0".repeat(DIGITS);

const ZSET_MEMBERS = 100_000;
const HASHES = 10_000;
const HASH_FIELDS = 10;
const SET_MEMBERS = 1000;
const TRANSACTION_COMMANDS = 10;
const TRANSACTION_KEYS = 10_000;
/** Half of either set's members are in both. */
const SET_OVERLAP = 500;

/** Sends requests of one text with NUMBER replaced, whatever they reply in one line. */
function fill(
  port: number,
  count: number,
  reply: string,
  ...args: readonly string[]
): Promise<void> {
  const text = requestText(args);
  const ends: number[] = [];
  for (let at = text.indexOf(NUMBER); at >= 0; at = text.indexOf(NUMBER, at + DIGITS)) {
    ends.push(at + DIGITS);
  }
  const frames = patchedFrames(text, count, reply.length, (target, offset, k) => {
    for (const end of ends) writeDigits(target, offset + end, DIGITS, k);
  });
  return sendFrames(port, frames);
}

/** Removes a key, whether it is there or not: ends with a reply of fixed length. */
async function remove(port: number, key: string): Promise<void> {
  await fill(port, 1, "+OK\r\n", "SET", key, "x");
  await fill(port, 1, ":1\r\n", "DEL", key);
}

/** A command that redis-benchmark sends. */
function commandTest(
  command: readonly string[],
  keys: number,
  requests: readonly [number, number],
  prepare: (port: number) => Promise<void>,
): LoadTest {
  return { prepare, requests, run: (load) => runLoad({ ...load, command, keys }) };
}

const zrangeByScore = commandTest(
  ["ZRANGE", "bench:zset", RANDOM, "+inf", "BYSCORE", "LIMIT", "0", "10"],
  ZSET_MEMBERS - 10,
  [150_000, 500_000],
  async (port) => {
    await remove(port, "bench:zset");
    await fill(port, ZSET_MEMBERS, ":1\r\n", "ZADD", "bench:zset", NUMBER, `member:${NUMBER}`);
  },
);

const hgetallTen = commandTest(
  ["HGETALL", `bench:hash:${RANDOM}`],
  HASHES,
  [150_000, 500_000],
  async (port) => {
    const fields = Array.from({ length: HASH_FIELDS }, (_, k) => [`field:${k}`, `value:${k}`]);
    const key = `bench:hash:${NUMBER}`;
    await fill(port, HASHES, "+OK\r\n", "SET", key, "x");
    await fill(port, HASHES, ":1\r\n", "DEL", key);
    await fill(port, HASHES, ":10\r\n", "HSET", key, ...fields.flat());
  },
);

const sinterThousand = commandTest(
  ["SINTER", "bench:set:1", "bench:set:2"],
  1,
  [10_000, 20_000],
  async (port) => {
    for (const [name, from] of [
      ["bench:set:1", 0],
      ["bench:set:2", SET_MEMBERS - SET_OVERLAP],
    ] as const) {
      await remove(port, name);
      const members = Array.from({ length: SET_MEMBERS }, (_, k) => `member:${from + k}`);
      await fill(port, 1, `:${SET_MEMBERS}\r\n`, "SADD", name, ...members);
    }
  },
);

const xadd = commandTest(
  ["XADD", "bench:stream", "*", "field", "value"],
  1,
  [150_000, 1_000_000],
  (port) => remove(port, "bench:stream"),
);

const ID = `1${NUMBER}-1`;

/** A consumer group's cycle: an entry is read, then acknowledged; both are one request. */
const readAndAcknowledge: LoadTest = {
  requests: [50_000, 300_000],
  async prepare(port, requests) {
    await remove(port, "bench:queue");
    const create = ["XGROUP", "CREATE", "bench:queue", "group", "0", "MKSTREAM"];
    await fill(port, 1, "+OK\r\n", ...create);
    const reply = `$${ID.length}\r\n${ID}\r\n`;
    await fill(port, requests, reply, "XADD", "bench:queue", ID, "field", "value");
  },
  async run({ port, requests, depth }) {
    const read = ["XREADGROUP", "GROUP", "group", "consumer", "COUNT", "1", "STREAMS"];
    const text =
      requestText([...read, "bench:queue", ">"]) +
      requestText(["XACK", "bench:queue", "group", ID]);
    const idEnd = text.lastIndexOf(NUMBER) + DIGITS;
    const reply =
      `*1\r\n*2\r\n$11\r\nbench:queue\r\n*1\r\n*2\r\n$${ID.length}\r\n${ID}\r\n` +
      "*2\r\n$5\r\nfield\r\n$5\r\nvalue\r\n:1\r\n";
    const frames: Frames = patchedFrames(text, requests, reply.length, (target, offset, k) => {
      writeDigits(target, offset + idEnd, DIGITS, k);
    });
    const started = performance.now();
    await sendFrames(port, frames, { batch: depth });
    return rateOf(requests, started);
  },
};

/** Ten SETs of different keys between MULTI and EXEC; all of it is one request. */
const multiTen: LoadTest = {
  requests: [150_000, 300_000],
  prepare: async () => {},
  async run({ port, requests, depth }) {
    const texts = Array.from({ length: TRANSACTION_COMMANDS }, (_, k) =>
      requestText(["SET", `key:${k}:${NUMBER}`, "xxx"]),
    );
    const text = requestText(["MULTI"]) + texts.join("") + requestText(["EXEC"]);
    const ends: number[] = [];
    for (let at = text.indexOf(NUMBER); at >= 0; at = text.indexOf(NUMBER, at + DIGITS)) {
      ends.push(at + DIGITS);
    }
    const queued = "+QUEUED\r\n".repeat(TRANSACTION_COMMANDS);
    const replies = `+OK\r\n${queued}*${TRANSACTION_COMMANDS}\r\n`;
    const replyBytes = replies.length + "+OK\r\n".length * TRANSACTION_COMMANDS;
    const frames = patchedFrames(text, requests, replyBytes, (target, offset, k) => {
      for (const end of ends) writeDigits(target, offset + end, DIGITS, k % TRANSACTION_KEYS);
    });
    const started = performance.now();
    await sendFrames(port, frames, { batch: depth });
    return rateOf(requests, started);
  },
};

function rateOf(requests: number, started: number): LoadResult {
  const seconds = (performance.now() - started) / 1000;
  return { requestsPerSecond: requests / seconds, p99Ms: Number.NaN };
}

/**
 * One side waits in BLPOP, the other pushes what it waits for, over and over; a BLPOP and an LPUSH
 * are one request. Each pair has a key and two connections of its own.
 */
const pingPong: LoadTest = {
  requests: [100_000, 100_000],
  prepare: async () => {},
  async run({ port, requests, clients }) {
    const pairs = Math.max(1, clients >>> 1);
    const each = Math.ceil(requests / pairs);
    const started = performance.now();
    const rounds = Array.from({ length: pairs }, (_, k) =>
      playPingPong(port, `bench:pong:${k}`, each),
    );
    const isKnown = await Promise.all(rounds);
    return isKnown.every(Boolean) ? rateOf(each * pairs, started) : undefined;
  },
};

/** False where the server does not know the commands. */
async function playPingPong(port: number, key: string, rounds: number): Promise<boolean> {
  const pop = Buffer.from(requestText(["BLPOP", key, "0"]));
  const push = Buffer.from(requestText(["LPUSH", key, "x"]));
  const popReplyBytes = `*2\r\n$${key.length}\r\n${key}\r\n$1\r\nx\r\n`.length;
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let received = 0;
  let played = 0;
  const fail = () => reject(new Error("the server closed the connection"));
  const pusher = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: () => {}, close: fail },
  });
  const popper = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      close: fail,
      data(socket, chunk) {
        if (chunk[0] === MINUS) return resolve(false);
        received += chunk.length;
        if (received < popReplyBytes * (played + 1)) return;
        if (++played === rounds) return resolve(true);
        socket.write(pop);
        pusher.write(push);
      },
    },
  });
  popper.write(pop);
  pusher.write(push);
  try {
    return await promise;
  } finally {
    popper.end();
    pusher.end();
  }
}

/** The loads by name. */
export const LOAD_TESTS: ReadonlyMap<string, LoadTest> = new Map([
  ["xadd", xadd],
  ["xreadgroup_xack", readAndAcknowledge],
  ["zrange_byscore", zrangeByScore],
  ["hgetall_10", hgetallTen],
  ["sinter_1000", sinterThousand],
  ["blpop_ping_pong", pingPong],
  ["publish_1", publishTest(1, [100_000, 500_000])],
  ["publish_100", publishTest(100, [5000, 10_000])],
  ["publish_10000", publishTest(10_000, [50, 100])],
  ["multi_10", multiTen],
  ...SCRIPT_TESTS,
]);
