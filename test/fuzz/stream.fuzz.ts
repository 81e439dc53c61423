// Streams against an array of entries: appending in every shape, deleting, trimming both ways,
// walks in both directions, groups that go on where they stopped, copies, evacuated chunks.

import { KeyHasher } from "../../src/base/key-hash.ts";
import { Xoshiro } from "../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../src/base/text.ts";
import { Pool } from "../../src/memory/pool.ts";
import { Entry } from "../../src/structures/listpack.ts";
import { Stream, TrimBounds } from "../../src/structures/stream.ts";
import { StreamCursor } from "../../src/structures/stream-cursor.ts";
import { parseStreamId, StreamId, streamIdText } from "../../src/structures/stream-id.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

interface ModelEntry {
  readonly ms: bigint;
  readonly seq: bigint;
  readonly words: readonly string[];
}

const WORDS = ["a", "b", "field", "", "0", "-1", "128", "70000", "9223372036854775807", "007"];
const GREATEST = 2n ** 64n - 1n;

function idOf({ ms, seq }: Pick<ModelEntry, "ms" | "seq">): StreamId {
  const id = new StreamId();
  const text = latin1Bytes(`${ms}-${seq}`);
  parseStreamId(text, 0, text.length, id, false);
  return id;
}

/** Arguments as a command has them. */
function argumentsOf(words: readonly string[]) {
  const bytes = latin1Bytes(words.join(""));
  const ends: number[] = [];
  for (const word of words) ends.push((ends.at(-1) ?? 0) + word.length);
  return {
    bytes,
    start: (index: number) => (index === 0 ? 0 : ends[index - 1]),
    end: (index: number) => ends[index],
  };
}

const element = new Entry();

/** The fields and values at a cursor. */
function wordsAt(cursor: StreamCursor): string[] {
  const words: string[] = [];
  const { bytes, isSplit } = cursor;
  let field = cursor.fieldAt;
  let value = cursor.valueAt;
  for (let k = 0; k < cursor.fieldCount; k++) {
    if (!isSplit && k > 0) field = value;
    const next = element.load(bytes, field);
    words.push(latin1Text(element.bytes, element.start, element.end));
    if (isSplit) field = next;
    else value = next;
    value = element.load(bytes, value);
    words.push(latin1Text(element.bytes, element.start, element.end));
  }
  return words;
}

class Model {
  readonly pool = new Pool();
  readonly context = {
    pool: this.pool,
    hasher: new KeyHasher(new Xoshiro(1)),
    random: new Xoshiro(2),
  };
  stream = new Stream(this.context);
  entries: ModelEntry[] = [];
  #last: Pick<ModelEntry, "ms" | "seq"> = { ms: 0n, seq: 0n };
  readonly #bytesMax: number;
  readonly #entriesMax: number;
  /** Where a reader that goes on from place to place is. */
  #place = { layout: -1, block: 0, offset: 0, after: new StreamId() };

  constructor(choices: Choices) {
    this.#bytesMax = choices.pick([0, 40, 300, 4096]);
    this.#entriesMax = choices.pick([0, 1, 3, 100, 200]);
  }

  append(choices: Choices): void {
    const step = choices.pick([1n, 7n, 70_000n, 2n ** 33n, 2n ** 60n]);
    let { ms, seq } = this.#last;
    if (choices.oneIn(2)) seq += choices.pick([1n, step]);
    else {
      ms += step;
      seq = choices.pick([0n, 5n, GREATEST - 3n]);
    }
    if (ms > GREATEST || seq > GREATEST) return;
    const shape = ["a", choices.pick(WORDS), "b", choices.pick(WORDS)];
    const words = choices.oneIn(3)
      ? Array.from({ length: 2 * (1 + choices.below(4)) }, () => choices.pick(WORDS))
      : shape;
    if (choices.oneIn(30)) words[1] = "x".repeat(choices.below(6000));
    const entry = { ms, seq, words };
    const { stream } = this;
    const args = argumentsOf(words);
    stream.append(idOf(entry), args, 0, words.length / 2, this.#bytesMax, this.#entriesMax);
    this.entries.push(entry);
    this.#last = entry;
  }

  delete(index: number): void {
    const entry = this.entries[index];
    if (entry === undefined) return;
    check(this.stream.delete(idOf(entry)), "an entry that is there is deleted");
    check(!this.stream.delete(idOf(entry)), "and only once");
    this.entries.splice(index, 1);
  }

  trim(choices: Choices): void {
    const bounds = new TrimBounds();
    const at = choices.below(this.entries.length + 1);
    bounds.byId = choices.oneIn(2);
    bounds.length = this.entries.length - at;
    const first = this.entries[at];
    if (first === undefined) bounds.minId.setMaximum();
    else bounds.minId.copy(idOf(first));
    bounds.approximate = choices.oneIn(2);
    if (bounds.approximate && choices.oneIn(2)) bounds.limit = 1 + choices.below(50);
    const deleted = this.stream.trim(bounds);
    if (bounds.approximate) check(deleted <= at, "an approximate trim does not go too far");
    else check(deleted === at, "an exact trim goes as far as it should");
    this.entries.splice(0, deleted);
  }

  walk(choices: Choices): void {
    const from = choices.below(this.entries.length + 1);
    const to = Math.min(this.entries.length - 1, from + choices.below(250));
    const expected = this.entries.slice(from, to + 1);
    if (expected.length === 0) return;
    const isBackwards = choices.oneIn(2);
    const cursor = new StreamCursor();
    const [first, last] = [idOf(expected[0]), idOf(expected.at(-1)!)];
    if (isBackwards) cursor.startBackwards(this.stream, first, last);
    else cursor.start(this.stream, first, last);
    if (isBackwards) expected.reverse();
    for (const entry of expected) {
      check(cursor.next(), "a walk reaches every entry");
      check(streamIdText(cursor.id) === `${entry.ms}-${entry.seq}`, "in the order of IDs");
      check(wordsAt(cursor).join("|") === entry.words.join("|"), "with its fields and values");
    }
    check(!cursor.next(), "a walk ends where it should");
  }

  /** Reads on as a consumer group does, from the place where it stopped. */
  readOn(count: number): void {
    const { after, layout, block, offset } = this.#place;
    const greatest = new StreamId();
    greatest.setMaximum();
    const from = new StreamId();
    from.copy(after);
    from.increment();
    const cursor = new StreamCursor();
    if (layout === this.stream.layout) cursor.startAt(this.stream, from, greatest, block, offset);
    else cursor.start(this.stream, from, greatest);
    const rest = this.entries.filter((entry) => idOf(entry).compare(after) > 0).slice(0, count);
    for (const entry of rest) {
      check(cursor.next(), "reading on misses nothing");
      check(streamIdText(cursor.id) === `${entry.ms}-${entry.seq}`, "nor repeats anything");
      after.copy(cursor.id);
    }
    if (rest.length < count) check(!cursor.next(), "reading on ends at the end");
    if (this.entries.length === 0) return;
    this.#place.layout = this.stream.layout;
    this.#place.block = cursor.blockIndex;
    this.#place.offset = cursor.nextOffset;
  }

  copy(): void {
    const copy = this.stream.clone();
    while (!this.stream.release(2));
    this.stream = copy;
    this.#place.layout = -1;
  }

  relocate(): void {
    if (this.pool.evacuate() === 0) return;
    let position = 0;
    do {
      position = this.stream.relocate(position, 3);
    } while (position !== 0);
    this.pool.endEvacuation();
  }

  verify(): void {
    this.stream.verify();
    this.pool.verify();
    check(this.stream.size === this.entries.length, "entries are counted");
    const last = new StreamId();
    check(this.stream.findLast(last) === this.entries.length > 0, "there is a last entry");
    const entry = this.entries.at(-1);
    if (entry !== undefined) check(last.compare(idOf(entry)) === 0, "the last entry is found");
  }
}

export const streamFuzzer: Fuzzer = {
  name: "stream",
  run(choices, steps) {
    let model = new Model(choices);
    let growth = 80;
    for (let step = 1; step <= steps; step++) {
      if (choices.below(100) < growth) model.append(choices);
      else model.delete(choices.below(model.entries.length));
      if (choices.oneIn(100)) growth = choices.pick([40, 80, 95, 100]);
      if (choices.oneIn(30)) model.walk(choices);
      if (choices.oneIn(10)) model.readOn(1 + choices.below(5));
      if (choices.oneIn(150)) model.trim(choices);
      if (choices.oneIn(100)) model.verify();
      if (choices.oneIn(700)) model.copy();
      if (choices.oneIn(700)) model.relocate();
      if (choices.oneIn(1500)) {
        while (!model.stream.release(4));
        check(model.pool.usedBytes === 0 && model.pool.outsideBytes === 0, "all is given back");
        model = new Model(choices);
      }
    }
    model.verify();
  },
};
