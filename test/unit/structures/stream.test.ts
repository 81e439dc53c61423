import { expect, test } from "bun:test";
import { KeyHasher } from "../../../src/base/key-hash.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { CHUNK_SHIFT, GRANULE_MASK, Pool } from "../../../src/memory/pool.ts";
import { totalBytes } from "../../../src/structures/listpack.ts";
import { Stream, TrimBounds } from "../../../src/structures/stream.ts";
import {
  ID_AUTO_SEQUENCE,
  ID_EXACT,
  ID_INVALID,
  ID_WITHOUT_SEQUENCE,
  parseStreamId,
  StreamId,
  streamIdText,
} from "../../../src/structures/stream-id.ts";
import { radixNodeCount } from "../../../src/structures/stream-radix.ts";

const MAX = "18446744073709551615";

function newStream(pool = new Pool()): Stream {
  const random = new Xoshiro(1);
  return new Stream({ pool, hasher: new KeyHasher(random), random });
}

function parsed(text: string): StreamId {
  const id = new StreamId();
  expect(parseStreamId(latin1Bytes(text), 0, text.length, id, false)).not.toBe(ID_INVALID);
  return id;
}

function add(stream: Stream, id: string, ...words: string[]): void {
  const bytes = latin1Bytes(words.join(""));
  const ends = words.map((_, k) => words.slice(0, k + 1).join("").length);
  const args = {
    bytes,
    start: (k: number) => (k === 0 ? 0 : ends[k - 1]),
    end: (k: number) => ends[k],
  };
  stream.append(parsed(id), args, 0, words.length / 2, 4096, 100);
}

/** The bytes of a stream's only block, in hexadecimal. */
function blockOf(stream: Stream): string {
  const ref = stream.refAt(0);
  const bytes = stream.pool.bytes[ref >>> CHUNK_SHIFT];
  const start = (ref & GRANULE_MASK) << 3;
  return Buffer.from(bytes.slice(start, start + totalBytes(bytes, start))).toString("hex");
}

test("IDs are read as strtoull reads numbers", () => {
  const id = new StreamId();
  for (const [text, result, value] of [
    ["1-2", ID_EXACT, "1-2"],
    ["1", ID_WITHOUT_SEQUENCE, "1-0"],
    ["7-*", ID_AUTO_SEQUENCE, "7-0"],
    [`${MAX}-${MAX}`, ID_EXACT, `${MAX}-${MAX}`],
    ["9007199254740993-4294967296", ID_EXACT, "9007199254740993-4294967296"],
    [" 01-+1", ID_EXACT, "1-1"],
    ["1--01", ID_EXACT, `1-${MAX}`],
    ["1--1", ID_INVALID, ""],
    ["18446744073709551616", ID_INVALID, ""],
    ["", ID_INVALID, ""],
    ["-", ID_INVALID, ""],
    ["1-", ID_INVALID, ""],
    ["1-1\0x", ID_EXACT, "1-1"],
    ["0".repeat(128), ID_INVALID, ""],
  ] as const) {
    expect([text, parseStreamId(latin1Bytes(text), 0, text.length, id, false)]).toEqual([
      text,
      result,
    ]);
    if (result !== ID_INVALID) expect(streamIdText(id)).toBe(value);
  }
});

test("a missing sequence number is the least or the greatest", () => {
  const id = new StreamId();
  parseStreamId(latin1Bytes("5"), 0, 1, id, true);
  expect(streamIdText(id)).toBe(`5-${MAX}`);
});

test("IDs carry into every word, and end at both ends", () => {
  const id = parsed(`4294967295-${MAX}`);
  expect(id.increment()).toBe(true);
  expect(streamIdText(id)).toBe("4294967296-0");
  expect(id.decrement()).toBe(true);
  expect(streamIdText(id)).toBe(`4294967295-${MAX}`);
  id.setMaximum();
  expect(id.increment()).toBe(false);
  expect(id.isZero).toBe(true);
  expect(id.decrement()).toBe(false);
  expect(id.isMaximum).toBe(true);
});

test("blocks have the bytes that Redis writes", () => {
  const stream = newStream();
  add(stream, "1-1", "f", "v");
  add(stream, "1-2", "f", "5000");
  add(stream, "70001-0", "g", "x", "h", "-1");
  stream.delete(parsed("1-2"));
  // By the format's description: 2 live, 1 deleted, one field "f", then the three entries. The
  // sequence delta of the third is -1.
  const master = "0201" + "0101" + "0101" + "816602" + "0001";
  const first = "0201" + "0001" + "0001" + "817602" + "0401";
  const second = "0301" + "0001" + "0101" + "f1881303" + "0401";
  const third = `0001f270110104dfff020201${"816702"}${"817802"}${"816802"}dfff020801`;
  const body = master + first + second + third;
  const total = 6 + body.length / 2 + 1;
  const header = Buffer.alloc(6);
  header.writeUInt32LE(total, 0);
  header.writeUInt16LE(5 + 5 + 5 + 9, 4);
  expect(blockOf(stream)).toBe(`${header.toString("hex")}${body}ff`);
});

test("a block's counts grow beyond one byte", () => {
  const stream = newStream();
  const words = latin1Bytes("fv");
  const args = { bytes: words, start: (k: number) => k, end: (k: number) => k + 1 };
  const id = new StreamId();
  for (let k = 1; k <= 33_000; k++) {
    id.setTime(k);
    stream.append(id, args, 0, 1, 0, 0);
  }
  expect(stream.blocks.count).toBe(1);
  stream.verify();
  for (let k = 1; k <= 130; k++) {
    id.setTime(k);
    expect(stream.delete(id)).toBe(true);
  }
  stream.verify();
  const bounds = new TrimBounds();
  bounds.length = 100;
  expect(stream.trim(bounds)).toBe(33_000 - 130 - 100);
  stream.verify();
});

test("what Redis's tree would have for nodes follows from the IDs", () => {
  const stream = newStream();
  expect(radixNodeCount(stream.blocks)).toBe(1);
  const big = "x".repeat(5000);
  const counts: number[] = [];
  for (const id of ["1-1", "1-2", "2-0", "300-0", `300-${MAX}`, "5000000000-1", `${MAX}-0`]) {
    add(stream, id, "f", big);
    counts.push(radixNodeCount(stream.blocks));
  }
  // As XINFO STREAM of Redis 8.0 tells after each of these.
  expect(counts).toEqual([2, 4, 8, 11, 15, 19, 22]);
});

test("blocks leave evacuating chunks", () => {
  const pool = new Pool();
  const stream = newStream(pool);
  const big = "x".repeat(3000);
  for (let k = 1; k <= 16_000; k++) add(stream, `${k}-1`, "f", big);
  const group = stream.addGroup(latin1Bytes("g"), 0, 1);
  const consumer = group.addConsumer(latin1Bytes("c"), 0, 1, 5);
  for (let k = 1; k <= 16_000; k++) group.deliver(parsed(`${k}-1`), consumer, 7);
  for (let k = 1; k <= 16_000; k++) if (k % 40 !== 0) stream.delete(parsed(`${k}-1`));
  const chunkBytes = pool.chunkBytes;
  expect(pool.evacuate()).toBeGreaterThan(0);
  let position = 0;
  do position = stream.relocate(position, 50);
  while (position !== 0);
  pool.endEvacuation();
  expect(pool.chunkBytes).toBeLessThan(chunkBytes);
  stream.verify();
  pool.verify();
  expect(group.acknowledge(parsed("40-1"))).toBe(true);
  const copy = stream.clone();
  copy.verify();
  expect(copy.findGroup(latin1Bytes("g"), 0, 1)?.pending.count).toBe(15_999);
  for (const value of [stream, copy]) while (!value.release(100));
  expect(pool.usedBytes).toBe(0);
  expect(pool.outsideBytes).toBe(0);
});

test("a consumer's entries go with it, and only those", () => {
  const stream = newStream();
  const group = stream.addGroup(latin1Bytes("g"), 0, 1);
  const [one, two] = ["one", "two"].map((name) =>
    group.addConsumer(latin1Bytes(name), 0, name.length, 5),
  );
  for (let k = 1; k <= 1000; k++) group.deliver(parsed(`${k}-1`), k % 3 === 0 ? one : two, k);
  stream.verify();
  group.removeConsumer(two);
  stream.verify();
  expect(group.pending.count).toBe(333);
  const three = group.addConsumer(latin1Bytes("three"), 0, 5, 5);
  expect(group.pending.find(parsed("3-1"))).toBe(true);
  group.setOwner(parsed("3-1"), three);
  expect(latin1Text(group.owner.name)).toBe("three");
  expect(group.deliveryTimeMs).toBe(3);
  stream.verify();
});
