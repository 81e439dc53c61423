// The tracking fuzzer finds what it is for: each fault that is planted here leaves some client with
// a stale value.

import { describe, expect, test } from "bun:test";
import { Broadcasts } from "../../../src/tracking/broadcasts.ts";
import { Tracking } from "../../../src/tracking/tracking.ts";
import { TrackingTable } from "../../../src/tracking/tracking-table.ts";
import { trackingFuzzer } from "../../fuzz/tracking.fuzz.ts";
import { Choices } from "../../harness/generate.ts";

const SEEDS = [1, 2, 3, 4, 5];
const STEPS = 1000;

type Methods = Record<string, (...args: never[]) => unknown>;

/** Runs the fuzzer while a method is another one; what it finds, or "". */
function findingsWith(prototype: object, name: string, fault: (...args: never[]) => unknown) {
  const methods = prototype as Methods;
  const sound = methods[name];
  methods[name] = fault;
  try {
    for (const seed of SEEDS) trackingFuzzer.run(new Choices(seed), STEPS);
  } catch (error) {
    return String(error);
  } finally {
    methods[name] = sound;
  }
  return "";
}

describe("the tracking fuzzer notices that", () => {
  const faults: readonly [string, object, string, (...args: never[]) => unknown][] = [
    ["nothing is told of keys that expire", Tracking.prototype, "beforeLoss", () => {}],
    ["nothing is told of what commands change", Tracking.prototype, "settle", () => {}],
    ["nothing is told of keys that are new", Tracking.prototype, "afterCreate", () => {}],
    ["nothing is told of flushes", Tracking.prototype, "flushed", () => {}],
    ["nothing is told of what the table forgets", TrackingTable.prototype, "takeDrawn", forget],
    ["reads of scripts are not noted", Tracking.prototype, "afterScripted", () => {}],
    ["broadcasts are lost", Broadcasts.prototype, "tell", () => {}],
    ["reads are not noted", Tracking.prototype, "noteReads", () => {}],
    ["only one client of a key is known", TrackingTable.prototype, "add", addFirst],
  ];
  for (const [title, prototype, name, fault] of faults) {
    test(title, () => {
      expect(findingsWith(prototype, name, fault)).toContain("nobody caches a stale");
    });
  }
});

const { add, take } = TrackingTable.prototype;

/** As `takeDrawn`, but none of the key's clients is left to be told. */
function forget(this: TrackingTable): void {
  const { bytes, keyStart, keyEnd, hash } = this.draw();
  take.call(this, bytes.slice(keyStart, keyEnd), 0, keyEnd - keyStart, hash);
  this.takenCount = 0;
}

/** As `add`, but only where nobody is noted yet. */
function addFirst(this: TrackingTable, ...args: Parameters<typeof add>): void {
  const [bytes, start, end, hash] = args;
  if (!this.has(bytes, start, end, hash)) add.apply(this, args);
}
