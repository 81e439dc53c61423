import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Deadlines } from "../../../src/blocking/deadlines.ts";
import { type KeyQueue, WaitQueues } from "../../../src/blocking/wait-queue.ts";
import { FOREVER, type Waiter } from "../../../src/blocking/waiter.ts";

/** As much of a waiter as queues and deadlines know. */
function waiterOf(id: number, deadlineMs = FOREVER, awaitsVanishing = false): Waiter {
  return { client: { id }, deadlineMs, awaitsVanishing, deadlineIndex: -1, nodes: [] } as never;
}

function idsIn(queue: KeyQueue | undefined): number[] {
  const ids: number[] = [];
  for (let node = queue?.first; node !== undefined; node = node.next) {
    ids.push(node.waiter.client.id);
  }
  return ids;
}

describe("WaitQueues", () => {
  for (const seed of [1, 2, 3]) {
    test(`keep everybody's order, whatever hashes collide (seed ${seed})`, () => {
      const random = new Xoshiro(seed);
      const queues = new WaitQueues();
      /** Model: waiting ids by "db/key", in order. */
      const model = new Map<string, number[]>();
      const waiting = new Map<number, Waiter>();
      const vanish = new Set<number>();
      // Eight keys share two hashes.
      const find = (db: number, key: string) =>
        queues.find(db, key.length % 2, latin1Bytes(key), 0, key.length);
      for (let id = 1; id <= 3000; id++) {
        if (randomBelow(random, 2) === 0) {
          const waiter = waiterOf(id, FOREVER, randomBelow(random, 3) === 0);
          waiting.set(id, waiter);
          if (waiter.awaitsVanishing) vanish.add(id);
          const db = randomBelow(random, 2);
          for (let count = 1 + randomBelow(random, 4); count > 0; count--) {
            const key = "k".repeat(randomBelow(random, 8));
            queues.enter(waiter, db, key.length % 2, latin1Bytes(key), 0, key.length);
            const ids = model.get(`${db}/${key}`) ?? [];
            if (!ids.includes(id)) model.set(`${db}/${key}`, [...ids, id]);
          }
        } else if (waiting.size > 0) {
          const ids = [...waiting.keys()];
          const leaving = ids[randomBelow(random, ids.length)];
          queues.leave(waiting.get(leaving)!);
          waiting.delete(leaving);
          for (const [key, others] of model) {
            const rest = others.filter((other) => other !== leaving);
            if (rest.length > 0) model.set(key, rest);
            else model.delete(key);
          }
        }
        if (id % 50 !== 0) continue;
        expect(queues.keyCount).toBe(model.size);
        const watched = [...model.values()].filter((ids) => ids.some((one) => vanish.has(one)));
        expect(queues.vanishKeyCount).toBe(watched.length);
        const seen = [0, 1].flatMap((db) =>
          [...queues.keysOf(db)].map(
            (queue) => `${db}/${latin1Text(queue.key, 0, queue.key.length)}`,
          ),
        );
        expect(seen.sort()).toEqual([...model.keys()].sort());
        for (const [name, ids] of model) {
          expect(idsIn(find(Number(name[0]), name.slice(2)))).toEqual(ids);
        }
      }
      for (const waiter of waiting.values()) queues.leave(waiter);
      expect([queues.keyCount, queues.vanishKeyCount]).toEqual([0, 0]);
      expect([...queues.keysOf(0), ...queues.keysOf(1)]).toEqual([]);
    });
  }

  test("a queue that is ready stays until it is dropped, though nobody is left in it", () => {
    const queues = new WaitQueues();
    const waiter = waiterOf(1);
    const key = latin1Bytes("key");
    queues.enter(waiter, 0, 7, key, 0, 3);
    const queue = queues.find(0, 7, key, 0, 3)!;
    queue.isReady = true;
    queues.leave(waiter);
    expect(queues.find(0, 7, key, 0, 3)).toBe(queue);
    queue.isReady = false;
    queues.drop(queue);
    expect(queues.find(0, 7, key, 0, 3)).toBeUndefined();
  });

  test("a cursor moves on when the client it stands at leaves", () => {
    const queues = new WaitQueues();
    const waiters = [1, 2, 3].map((id) => waiterOf(id));
    const key = latin1Bytes("key");
    for (const waiter of waiters) queues.enter(waiter, 0, 7, key, 0, 3);
    const queue = queues.find(0, 7, key, 0, 3)!;
    queue.cursor = queue.first!.next;
    queues.leave(waiters[1]);
    expect(queue.cursor?.waiter).toBe(waiters[2]);
    queues.leave(waiters[2]);
    expect(queue.cursor).toBeUndefined();
  });
});

describe("Deadlines", () => {
  for (const seed of [1, 2, 3]) {
    test(`the nearest comes first, the older client of two (seed ${seed})`, () => {
      const random = new Xoshiro(seed);
      const deadlines = new Deadlines();
      const model: Waiter[] = [];
      const isBefore = (left: Waiter, right: Waiter) =>
        left.deadlineMs - right.deadlineMs || left.client.id - right.client.id;
      for (let id = 1; id <= 3000; id++) {
        if (randomBelow(random, 5) < 3) {
          const waiter = waiterOf(id, randomBelow(random, 100));
          deadlines.add(waiter);
          if (waiter.deadlineMs !== FOREVER) model.push(waiter);
        } else if (model.length > 0) {
          const [leaving] = model.splice(randomBelow(random, model.length), 1);
          deadlines.remove(leaving);
          // A second time changes nothing.
          deadlines.remove(leaving);
        }
        expect(deadlines.count).toBe(model.length);
        if (id % 20 === 0) expect(deadlines.nearest).toBe(model.toSorted(isBefore)[0]);
      }
      for (const waiter of model.toSorted(isBefore)) {
        expect(deadlines.nearest).toBe(waiter);
        deadlines.remove(waiter);
      }
      expect(deadlines.nearest).toBeUndefined();
    });
  }
});
