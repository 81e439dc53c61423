import { expect, test } from "bun:test";
import { wordView } from "../../../src/base/word-view.ts";

test("the views of two arrays are kept while they take turns", () => {
  const memory = new Uint8Array(64);
  const [first, second] = [memory.subarray(8, 24), memory.subarray(16)];
  const views = [first, second, first, second].map(wordView);
  expect(views[2]).toBe(views[0]);
  expect(views[3]).toBe(views[1]);
});

test("a view shows its own array, whichever was asked for before", () => {
  const memory = new Uint8Array(64).map((_, index) => index);
  const arrays = [memory, memory.subarray(8, 24), memory.subarray(16)];
  for (const index of [0, 1, 0, 2, 1, 2, 2, 0, 0, 1]) {
    const view = wordView(arrays[index]);
    expect(view.byteLength).toBe(arrays[index].length);
    expect(view.getUint8(3)).toBe(arrays[index][3]);
  }
});
