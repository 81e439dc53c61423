// Large lists against arrays of texts: pushes, pops, insertions, replacements and removals keep
// the order, nodes keep their limits, and a list that is released leaves nothing behind.

import { latin1Text } from "../../src/base/text.ts";
import { Pool } from "../../src/memory/pool.ts";
import { exceedsLimit } from "../../src/structures/list-limits.ts";
import { LENGTH, START } from "../../src/structures/list-nodes.ts";
import { EMPTY_BYTES, Entry } from "../../src/structures/listpack.ts";
import { Quicklist } from "../../src/structures/quicklist.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const FILLS = [-5, -2, -1, -1, -1, 0, 1, 2, 5, 100, 20_000];
const THRESHOLDS = [0, 0, 0, 50, 3000];
const SHORT = ["", "0", "127", "-5", "4095", "-32769", "9007199254740993", "-9223372036854775808"];

/** One list and the array that it should equal. */
class Model {
  readonly pool = new Pool();
  readonly settings = { listPackedThreshold: 0, listCompressDepth: 0 };
  texts: string[] = [];
  list: Quicklist;
  /** Nodes may exceed their limit: elements were replaced, or added to the half of a split one. */
  #mayExceed = false;

  constructor(choices: Choices) {
    this.settings.listPackedThreshold = choices.pick(THRESHOLDS);
    this.list = new Quicklist(this.pool, choices.pick(FILLS), this.settings);
  }

  /** Some text as a range of a larger array. */
  #value(choices: Choices): { text: string; bytes: Buffer; from: number; to: number } {
    const length = choices.below(choices.pick([5, 70, 70, 70, 300, 5000, 9000]));
    const text = choices.oneIn(4)
      ? choices.pick(SHORT)
      : String(choices.below(100_000)).repeat(length / 4);
    return { text, bytes: Buffer.from(`<<${text}>>`), from: 2, to: 2 + text.length };
  }

  push(choices: Choices): void {
    const { text, bytes, from, to } = this.#value(choices);
    if (choices.oneIn(2)) {
      this.list.pushHead(bytes, from, to);
      this.texts.unshift(text);
    } else {
      this.list.pushTail(bytes, from, to);
      this.texts.push(text);
    }
  }

  pop(choices: Choices): void {
    if (this.texts.length === 0) return;
    if (choices.oneIn(2)) {
      this.list.dropHead();
      this.texts.shift();
    } else {
      this.list.dropTail();
      this.texts.pop();
    }
  }

  insert(choices: Choices): void {
    if (this.texts.length === 0) return;
    const index = choices.below(this.texts.length);
    const { text, bytes, from, to } = this.#value(choices);
    const isBehind = choices.oneIn(2);
    const { list } = this;
    list.locate(index);
    list.insert(list.node, list.rank, list.at, isBehind, bytes, from, to);
    this.#mayExceed = true;
    this.texts.splice(isBehind ? index + 1 : index, 0, text);
  }

  replace(choices: Choices): void {
    if (this.texts.length === 0) return;
    const index = choices.below(this.texts.length);
    const { text, bytes, from, to } = this.#value(choices);
    const { list } = this;
    list.locate(index);
    list.replace(list.node, list.rank, list.at, bytes, from, to);
    this.texts[index] = text;
    this.#mayExceed = true;
  }

  remove(choices: Choices): void {
    if (this.texts.length === 0) return;
    const index = choices.below(this.texts.length);
    const { list } = this;
    list.locate(index);
    list.remove(list.node, list.rank, list.at);
    this.texts.splice(index, 1);
  }

  removeRange(choices: Choices): void {
    const size = this.texts.length;
    const index = choices.below(size + 1);
    const count = choices.below(choices.pick([5, 50, size]) + 1);
    const removed = Math.min(count, size - index);
    const cut = this.list.removeRange(index, removed);
    while (cut !== undefined && !cut.release(100));
    this.texts.splice(index, removed);
  }

  /** Goes on with a copy; what it was copied from leaves nothing. */
  copy(): void {
    const original = this.list;
    this.list = original.clone();
    while (!original.release(3));
  }

  compact(): void {
    if (this.pool.evacuate() === 0) return;
    for (let at = this.list.relocate(0, 7); at !== 0; ) at = this.list.relocate(at, 7);
    this.pool.endEvacuation();
  }

  verify(): void {
    const { list } = this;
    this.pool.verify();
    list.verify();
    check(list.size === this.texts.length, "a list has as many elements as the array");
    const entry = new Entry();
    let index = 0;
    for (let node = 0; node < list.nodes.count; node++) {
      const row = list.nodes.row(node);
      const bytes = list.nodes.bytes(row);
      let at = list.nodes.words[row + START];
      const length = list.nodes.words[row + LENGTH];
      const count = list.nodes.entries(row);
      const isWithin = !exceedsLimit(list.fill, length + EMPTY_BYTES, count);
      check(isWithin || count === 1 || this.#mayExceed, "a node keeps its limits");
      for (const end = at + length; at < end; index++) {
        at = entry.load(bytes, at);
        const found = latin1Text(entry.bytes, entry.start, entry.end);
        check(found === this.texts[index], "elements are in order");
      }
    }
    let memory = 0;
    for (let node = 0; node < list.nodes.count; node++) {
      memory += this.pool.capacity(list.nodes.words[list.nodes.row(node)]);
    }
    check(this.pool.usedBytes === memory, "a list's blocks are its nodes'");
    check(this.pool.outsideBytes === list.nodes.words.byteLength, "the array of nodes is counted");
  }
}

const STEPS_PER_LIST = 2500;

export const quicklistFuzzer: Fuzzer = {
  name: "quicklist",
  run(choices, steps) {
    for (let done = 0; done < steps; done += STEPS_PER_LIST) {
      const model = new Model(choices);
      const operations = choices.subset([
        () => model.pop(choices),
        () => model.insert(choices),
        () => model.replace(choices),
        () => model.remove(choices),
        () => choices.oneIn(50) && model.removeRange(choices),
        () => choices.oneIn(200) && model.copy(),
        () => choices.oneIn(200) && model.compact(),
      ]);
      let growth = 70;
      for (let step = 0; step < Math.min(STEPS_PER_LIST, steps - done); step++) {
        if (choices.below(100) < growth) model.push(choices);
        else choices.pick(operations)();
        if (choices.oneIn(200)) growth = choices.pick([5, 30, 50, 70]);
        if (choices.oneIn(50)) model.verify();
      }
      model.verify();
      while (!model.list.release(5));
      check(model.pool.usedBytes === 0, "a released list has no blocks");
      check(model.pool.outsideBytes === 0, "a released list has no array");
    }
  },
};
