// Listpacks as commands use them: walking a whole one (LRANGE, HGETALL), finding a field (HGET),
// writing an element.

import { do_not_optimize } from "mitata";
import {
  Entry,
  findEntry,
  finish,
  firstEntry,
  NO_ENTRY,
  nextEntry,
  TERMINATOR,
  writeEntry,
} from "../../../src/structures/listpack.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { rangesOf } from "../../harness/data.ts";
import { checkResult, Digest, digestOfText } from "../../harness/digest.ts";

const ELEMENTS = 600;
const FIELDS = 100;

function listpackOf(texts: readonly string[]): Uint8Array {
  const { bytes, starts, ends } = rangesOf(texts);
  const pack = new Uint8Array(bytes.length + texts.length * 16 + 16);
  let at = firstEntry(0);
  for (let k = 0; k < texts.length; k++) at = writeEntry(pack, at, bytes, starts[k], ends[k]);
  finish(pack, 0, at, texts.length);
  return pack;
}

/** Walks a listpack, presenting every element; returns the sum of their lengths. */
function walker(texts: readonly string[]): () => number {
  const pack = listpackOf(texts);
  const entry = new Entry();
  const digest = new Digest();
  for (let at = firstEntry(0); pack[at] !== TERMINATOR; ) {
    at = entry.load(pack, at);
    digest.bytes(entry.bytes, entry.start, entry.end).text(" ");
  }
  checkResult("walk", digest.value, digestOfText(texts.map((text) => `${text} `).join("")));
  return () => {
    let length = 0;
    for (let at = firstEntry(0); pack[at] !== TERMINATOR; ) {
      at = entry.load(pack, at);
      length += entry.end - entry.start;
    }
    return length;
  };
}

benchmark(`walk ${ELEMENTS} short strings`, function* () {
  const walk = walker(Array.from({ length: ELEMENTS }, (_, k) => `element-${k}`));
  yield () => do_not_optimize(walk());
}).gc("inner");

benchmark(`walk ${ELEMENTS} integers`, function* () {
  const walk = walker(Array.from({ length: ELEMENTS }, (_, k) => String(k * 7919)));
  yield () => do_not_optimize(walk());
}).gc("inner");

benchmark(`find each of ${FIELDS} fields`, function* () {
  const names = Array.from({ length: FIELDS }, (_, k) => `field:${k}`);
  const pack = listpackOf(names.flatMap((name) => [name, `value of ${name}`]));
  const { bytes, starts, ends } = rangesOf(names);
  const findAll = () => {
    let sum = 0;
    for (let k = 0; k < FIELDS; k++) sum += findEntry(pack, 0, bytes, starts[k], ends[k], 1);
    return sum;
  };
  let expected = 0;
  for (let at = firstEntry(0), k = 0; pack[at] !== TERMINATOR; at = nextEntry(pack, at), k++) {
    if (k % 2 === 0) expected += at;
  }
  checkResult("find", findAll(), expected);
  checkResult("find", findEntry(pack, 0, bytes, starts[0], ends[0] - 1, 1), NO_ENTRY);
  yield () => do_not_optimize(findAll());
}).gc("inner");

benchmark(`write ${ELEMENTS} elements, a third of them integers`, function* () {
  const texts = Array.from({ length: ELEMENTS }, (_, k) => (k % 3 === 0 ? `${k}` : `text ${k}`));
  const { bytes, starts, ends } = rangesOf(texts);
  const pack = new Uint8Array(bytes.length + ELEMENTS * 16);
  const writeAll = () => {
    let at = firstEntry(0);
    for (let k = 0; k < ELEMENTS; k++) at = writeEntry(pack, at, bytes, starts[k], ends[k]);
    return at;
  };
  const written = new Digest().bytes(pack, 0, writeAll()).value;
  const expected = listpackOf(texts);
  expected.fill(0, 0, firstEntry(0));
  checkResult("write", written, new Digest().bytes(expected, 0, writeAll()).value);
  yield () => do_not_optimize(writeAll());
}).gc("inner");
