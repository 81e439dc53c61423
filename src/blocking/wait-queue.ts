// Who waits for which key, first come first served. A client waits at one node per key; a key that
// somebody waits for has a queue of nodes, found under the key's hash.
//
//   WaitQueues  (database, hash) -> KeyQueue -> KeyQueue (another key of the same hash)
//   KeyQueue    first <-> node <-> node <-> last         oldest first
//   Waiter      nodes: one in each queue it stands in
//
// Invariants: a queue in the map has nodes, or is ready or being served; a waiter stands at most
// once in a queue. Every operation but the walks over all keys takes constant time.

import { equalBytes } from "../base/ascii.ts";
import type { Waiter } from "./waiter.ts";

/** A waiter's place in the queue of a key. */
export class WaitNode {
  readonly waiter: Waiter;
  readonly queue: KeyQueue;
  previous: WaitNode | undefined = undefined;
  next: WaitNode | undefined = undefined;

  constructor(waiter: Waiter, queue: KeyQueue) {
    this.waiter = waiter;
    this.queue = queue;
  }
}

/** The clients that wait for one key. */
export class KeyQueue {
  readonly dbIndex: number;
  readonly hash: number;
  readonly key: Uint8Array;
  first: WaitNode | undefined = undefined;
  last: WaitNode | undefined = undefined;
  count = 0;
  /** How many of them are also to be told when the key goes. */
  vanishCount = 0;
  /** Stands among the keys to be served. */
  isReady = false;
  isBeingServed = false;
  /** The node to be served next, while the queue is being served. */
  cursor: WaitNode | undefined = undefined;
  /** Another key of the same hash. */
  sibling: KeyQueue | undefined = undefined;

  constructor(dbIndex: number, hash: number, key: Uint8Array) {
    this.dbIndex = dbIndex;
    this.hash = hash;
    this.key = key;
  }
}

/** Every key that clients wait for. */
export class WaitQueues {
  /** By database and key hash; a queue's siblings follow it. */
  readonly #maps: (Map<number, KeyQueue> | undefined)[] = [];
  /** Keys that somebody waits for, and those whose going somebody waits for. */
  keyCount = 0;
  vanishKeyCount = 0;

  find(
    dbIndex: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): KeyQueue | undefined {
    let queue = this.#maps[dbIndex]?.get(hash);
    const length = end - start;
    while (queue !== undefined) {
      if (queue.key.length === length && equalBytes(queue.key, 0, bytes, start, length)) break;
      queue = queue.sibling;
    }
    return queue;
  }

  /** Puts a waiter behind those who wait for a key; does nothing where it stands there already. */
  enter(
    waiter: Waiter,
    dbIndex: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const queue =
      this.find(dbIndex, hash, bytes, start, end) ??
      this.#add(new KeyQueue(dbIndex, hash, bytes.slice(start, end)));
    // A waiter enters its keys one after the other: if it is in the queue at all, it is the last.
    if (queue.last?.waiter === waiter) return;
    const node = new WaitNode(waiter, queue);
    waiter.nodes.push(node);
    node.previous = queue.last;
    if (queue.last === undefined) queue.first = node;
    else queue.last.next = node;
    queue.last = node;
    if (queue.count++ === 0) this.keyCount++;
    if (waiter.awaitsVanishing && queue.vanishCount++ === 0) this.vanishKeyCount++;
  }

  /** Takes a waiter out of all its queues. */
  leave(waiter: Waiter): void {
    for (const node of waiter.nodes) {
      const queue = node.queue;
      if (queue.cursor === node) queue.cursor = node.next;
      if (node.previous === undefined) queue.first = node.next;
      else node.previous.next = node.next;
      if (node.next === undefined) queue.last = node.previous;
      else node.next.previous = node.previous;
      if (--queue.count === 0) this.keyCount--;
      if (waiter.awaitsVanishing && --queue.vanishCount === 0) this.vanishKeyCount--;
      this.drop(queue);
    }
    waiter.nodes.length = 0;
  }

  /** Forgets a queue that nobody stands in, unless somebody holds on to it. */
  drop(queue: KeyQueue): void {
    if (queue.count > 0 || queue.isReady || queue.isBeingServed) return;
    const map = this.#maps[queue.dbIndex]!;
    const head = map.get(queue.hash)!;
    if (head !== queue) {
      let before = head;
      while (before.sibling !== queue) before = before.sibling!;
      before.sibling = queue.sibling;
    } else if (queue.sibling !== undefined) map.set(queue.hash, queue.sibling);
    else map.delete(queue.hash);
  }

  /** The keys that clients of a database wait for, the oldest first. */
  *keysOf(dbIndex: number): Generator<KeyQueue> {
    for (const head of this.#maps[dbIndex]?.values() ?? []) {
      for (let queue: KeyQueue | undefined = head; queue !== undefined; queue = queue.sibling) {
        yield queue;
      }
    }
  }

  #add(queue: KeyQueue): KeyQueue {
    this.#maps[queue.dbIndex] ??= new Map();
    const map = this.#maps[queue.dbIndex]!;
    queue.sibling = map.get(queue.hash);
    map.set(queue.hash, queue);
    return queue;
  }
}
