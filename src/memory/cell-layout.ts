// hot path: no allocation per command
//
// The layout of a segment of the cell table, which `cell-table.ts` draws: where a hash belongs, how
// many homes a segment should have, and the check that one is in order.

import { assert } from "../base/assert.ts";
import { NULL_REF } from "./pool.ts";

export const HEADER_WORDS = 4;

export const HOMES_MIN = 8;
export const HOMES_MAX = 1024;

/** In a segment's first word. */
export const USED_MASK = 0xffff;

/** In a segment's shape: its depth, and above that its number of homes. */
export const DEPTH_MASK = 0xff;
export const HOMES_SHIFT = 8;

/** The home cell's number: the 22 hash bits below the segment's depth, scaled to its homes. */
export function homeOf(hash: number, shape: number): number {
  const homes = shape >>> HOMES_SHIFT;
  const bits = (hash << (shape & DEPTH_MASK)) >>> 10;
  if (homes > HOMES_MAX) return Math.floor((bits * homes) / 0x40_0000);
  return Math.imul(bits, homes) >>> 22;
}

/** By how much a segment grows: few steps, since each lays all cells out anew. */
export function growthOf(homes: number): number {
  return homes >= 512 ? 128 : Math.max(HOMES_MIN, homes >>> 2);
}

/** Homes for a segment that is to hold `used` cells with some room to grow. */
export function homesFor(used: number): number {
  const homes = Math.ceil((used * 1.4) / HOMES_MIN) * HOMES_MIN;
  return Math.min(Math.max(homes, HOMES_MIN), Math.max(HOMES_MAX, used));
}

/** Asserts that the segment in words[start, start + length) is in order. */
export function verifySegment(
  words: Uint32Array,
  start: number,
  length: number,
  shape: number,
): void {
  const first = start + HEADER_WORDS;
  const end = start + length;
  let used = 0;
  let previous = -1;
  let runStart = first;
  for (let cell = first; cell < end; cell += 2) {
    if (words[cell + 1] === NULL_REF) {
      runStart = cell + 2;
      continue;
    }
    const home = first + (homeOf(words[cell] | 0, shape) << 1);
    assert(words[cell] >= previous, "cells are ordered by hash");
    assert(home <= cell && home >= runStart, "a cell is reachable from its home");
    previous = words[cell];
    used++;
  }
  assert(used === (words[start] & USED_MASK), "a segment counts its cells");
  assert(words[end - 1] === NULL_REF, "the last cell is empty");
}
