import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Pool } from "../../../src/memory/pool.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { ListCursor } from "../../../src/structures/list-cursor.ts";
import { replyEntries } from "../../../src/structures/listpack-reply.ts";
import { Quicklist } from "../../../src/structures/quicklist.ts";

const FILL = -2;

function newList(fill = FILL, pool = new Pool(), listPackedThreshold = 0) {
  return { pool, list: new Quicklist(pool, fill, { listPackedThreshold, listCompressDepth: 0 }) };
}

function push(list: Quicklist, ...texts: string[]): void {
  for (const text of texts) list.pushTail(latin1Bytes(text), 0, text.length);
}

/** Every element, in the order of a walk in one direction. */
function textsOf(list: Quicklist, isBackward = false): string[] {
  const cursor = new ListCursor();
  cursor.openList(list);
  if (cursor.size === 0) return [];
  const reply = new ReplyWriter();
  cursor.seek(isBackward ? cursor.size - 1 : 0);
  do {
    replyEntries(reply, cursor.bytes, cursor.at, cursor.nodeEnd, 1);
  } while (isBackward ? cursor.previous() : cursor.next());
  const parts = latin1Text(reply.buffer, 0, reply.length).split("\r\n");
  return parts.filter((_, k) => k % 2 === 1);
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, k) => `element ${k}`);
}

describe("a large list", () => {
  test("is walked in both directions and sought from the nearer end", () => {
    const { list } = newList(-1);
    const texts = numbers(3000);
    push(list, ...texts);
    expect(list.nodes.count).toBeGreaterThan(5);
    expect(textsOf(list)).toEqual(texts);
    expect(textsOf(list, true)).toEqual(texts.toReversed());
    const cursor = new ListCursor();
    cursor.openList(list);
    for (const index of [0, 1, 299, 300, 1499, 1500, 1501, 2998, 2999]) {
      cursor.seek(index);
      const reply = new ReplyWriter();
      replyEntries(reply, cursor.bytes, cursor.at, cursor.nodeEnd, 1);
      const text = `element ${index}`;
      expect(latin1Text(reply.buffer, 0, reply.length)).toBe(`$${text.length}\r\n${text}\r\n`);
    }
    list.verify();
  });

  test("fills its nodes: a million elements take little more than their entries", () => {
    const { pool, list } = newList();
    const bytes = latin1Bytes("e999999");
    for (let k = 0; k < 1_000_000; k++) list.pushTail(bytes, 0, 7);
    expect(pool.usedBytes + pool.outsideBytes).toBeLessThan(9 * 1.01 * 1_000_000);
    const before = pool.usedBytes;
    for (let k = 0; k < 1_000_000; k++) list.pushHead(bytes, 0, 7);
    expect(pool.usedBytes - before).toBeLessThan(9 * 1.01 * 1_000_000);
  });

  test("gives back the room that elements of odd sizes leave in its nodes", () => {
    const { pool, list } = newList();
    const bytes = new Uint8Array(3000).fill(120);
    for (let k = 0; k < 3000; k++) list.pushTail(bytes, 0, bytes.length);
    expect(pool.usedBytes).toBeLessThan(3000 * 3008 * 1.1);
  });

  test("used as a queue stays small and ends with nothing", () => {
    const { pool, list } = newList();
    push(list, ...numbers(100));
    for (let round = 0; round < 100_000; round++) {
      push(list, `later ${round}`);
      list.dropHead();
    }
    list.verify();
    expect(list.nodes.count).toBeLessThan(3);
    expect(list.nodes.words.length).toBeLessThan(100);
    list.removeRange(0, 100);
    expect(pool.usedBytes).toBe(0);
    expect(list.nodes.count).toBe(0);
  });

  test("hands over many nodes at once instead of freeing them", () => {
    const { pool, list } = newList(1);
    const texts = numbers(5000);
    push(list, ...texts);
    const used = pool.usedBytes;
    const cut = list.removeRange(100, 4800);
    expect(pool.usedBytes).toBe(used);
    expect(textsOf(list)).toEqual([...texts.slice(0, 100), ...texts.slice(4900)]);
    list.verify();
    expect(cut?.release(1000)).toBe(false);
    while (!cut?.release(1000));
    expect(pool.usedBytes).toBeLessThan(used / 20);
    expect(list.removeRange(0, 200)).toBeUndefined();
    expect(list.release(1)).toBe(true);
    expect(pool.usedBytes + pool.outsideBytes).toBe(0);
  });

  test("keeps large elements in nodes of their own", () => {
    const { list } = newList(-1);
    const large = "x".repeat(5000);
    push(list, "a", large, "b", "c", large);
    expect(list.nodes.count).toBe(4);
    list.locate(2);
    list.replace(list.node, list.rank, list.at, latin1Bytes(large), 0, large.length);
    expect(textsOf(list)).toEqual(["a", large, large, "c", large]);
    expect(list.nodes.count).toBe(5);
    list.locate(1);
    list.replace(list.node, list.rank, list.at, latin1Bytes("small"), 0, 5);
    expect(textsOf(list)).toEqual(["a", "small", large, "c", large]);
    list.verify();
  });

  test("is copied whole, and either goes without the other", () => {
    const { pool, list } = newList(3);
    push(list, ...numbers(50));
    const used = pool.usedBytes;
    const copy = list.clone();
    expect(pool.usedBytes).toBeLessThanOrEqual(used * 2);
    list.removeRange(0, 20);
    expect(textsOf(copy)).toEqual(numbers(50));
    copy.verify();
    while (!copy.release(7));
    expect(textsOf(list)).toEqual(numbers(50).slice(20));
    while (!list.release(1));
    expect(pool.usedBytes + pool.outsideBytes).toBe(0);
  });

  test("moves out of chunks that are to be emptied", () => {
    const { pool, list } = newList();
    const fillers: number[] = [];
    for (let k = 0; k < 900; k++) {
      for (let filler = 0; filler < 9; filler++) fillers.push(pool.allocate(8192));
      push(list, ...numbers(700));
    }
    const texts = textsOf(list);
    for (const ref of fillers) pool.free(ref);
    const chunks = pool.chunkBytes;
    expect(pool.evacuate()).toBeGreaterThan(0);
    let position = 0;
    do position = list.relocate(position, 10);
    while (position !== 0);
    pool.endEvacuation();
    expect(pool.chunkBytes).toBeLessThan(chunks);
    expect(textsOf(list)).toEqual(texts);
    list.verify();
    pool.verify();
  });

  test("tells its memory, from a sample or whole", () => {
    const { pool, list } = newList();
    push(list, ...numbers(10_000));
    const whole = list.memoryUsage(0);
    expect(whole).toBeGreaterThan(pool.usedBytes + pool.outsideBytes);
    expect(list.memoryUsage(5) / whole).toBeWithin(0.9, 1.1);
  });
});
