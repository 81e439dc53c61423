// The deadlines of waiting clients, the nearest first: a binary heap in which each waiter knows its
// place. Of those due at the same time the older client comes first.

import { FOREVER, type Waiter } from "./waiter.ts";

/** Waiters with a deadline. */
export class Deadlines {
  readonly #heap: Waiter[] = [];

  get count(): number {
    return this.#heap.length;
  }

  /** The waiter whose time is over first. */
  get nearest(): Waiter | undefined {
    return this.#heap[0];
  }

  add(waiter: Waiter): void {
    if (waiter.deadlineMs === FOREVER) return;
    this.#heap.push(waiter);
    this.#rise(this.#heap.length - 1, waiter);
  }

  remove(waiter: Waiter): void {
    const index = waiter.deadlineIndex;
    if (index < 0) return;
    waiter.deadlineIndex = -1;
    const last = this.#heap.pop()!;
    if (last === waiter) return;
    if (index > 0 && isBefore(last, this.#heap[(index - 1) >> 1])) this.#rise(index, last);
    else this.#sink(index, last);
  }

  #rise(from: number, waiter: Waiter): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(waiter, this.#heap[parent])) break;
      this.#place(index, this.#heap[parent]);
      index = parent;
    }
    this.#place(index, waiter);
  }

  #sink(from: number, waiter: Waiter): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], waiter)) break;
      this.#place(index, heap[child]);
      index = child;
    }
    this.#place(index, waiter);
  }

  #place(index: number, waiter: Waiter): void {
    this.#heap[index] = waiter;
    waiter.deadlineIndex = index;
  }
}

function isBefore(left: Waiter, right: Waiter): boolean {
  if (left.deadlineMs !== right.deadlineMs) return left.deadlineMs < right.deadlineMs;
  return left.client.id < right.client.id;
}
