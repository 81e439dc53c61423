// LCS: the longest common subsequence of two strings. Costs O(n * m) time by its nature.
//
// The classic table of n * m lengths is not kept: walking back through it only ever asks whether
// the cell above is larger than the cell to the left, so one bit a cell and two rows of lengths
// will do, a thirty-second part. The walk is the same as Redis's, and so are the matches.

import {
  ACCESS,
  type ArgumentSpec,
  defineFamily,
  keyRange,
  READONLY,
  RO,
} from "../command/spec.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { STRING } from "../structures/record.ts";
import type { Context } from "./features.ts";

const keyArgument = (name: string): ArgumentSpec => ({ name, type: "key", keySpecIndex: 0 });

export const stringLcsCommands = defineFamily("string", [
  {
    name: "LCS",
    arity: -3,
    flags: READONLY,
    since: "7.0.0",
    complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    summary: "Finds the longest subsequence that two strings share.",
    keys: [keyRange(1, 1, 1, RO | ACCESS)],
    args: [
      keyArgument("key1"),
      keyArgument("key2"),
      { name: "len", type: "pure-token", token: "LEN", optional: true },
      { name: "idx", type: "pure-token", token: "IDX", optional: true },
      { name: "min-match-len", type: "integer", token: "MINMATCHLEN", optional: true },
      { name: "withmatchlen", type: "pure-token", token: "WITHMATCHLEN", optional: true },
    ],
    run: lcsCommand,
  },
]);

/** What a client asks LCS for. */
interface LcsOptions {
  readonly wantsLength: boolean;
  readonly wantsMatches: boolean;
  readonly withMatchLength: boolean;
  readonly matchLengthMin: number;
}

const NO_BYTES = new Uint8Array(0);
/** Bytes of a cell of the table that Redis keeps, which its memory limit is about. */
const REDIS_CELL_BYTES = 4;
/** Cell numbers stay below 2^31. Reached only where proto-max-bulk-len was raised above 8 GB. */
const CELLS_MAX = 0x7fff_ffff;

// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
function lcsCommand(c: Context): void {
  const left = c.readKey(1);
  const right = c.readKey(2, c.server.keyspace.secondView);
  if ((left && left.type !== STRING) || (right && right.type !== STRING)) {
    return c.reply.error("ERR The specified keys must contain string values");
  }
  const wanted = lcsOptionsOrReply(c);
  if (wanted === undefined) return;
  const a = left === undefined ? NO_BYTES : left.bytes.subarray(left.valueStart, left.valueEnd);
  const b = right === undefined ? NO_BYTES : right.bytes.subarray(right.valueStart, right.valueEnd);
  const tableBytes = (a.length + 1) * (b.length + 1) * REDIS_CELL_BYTES;
  if (tableBytes > c.server.config.integer("proto-max-bulk-len")) {
    return c.reply.error(
      "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    );
  }
  if (a.length * b.length > CELLS_MAX) {
    return c.reply.error("ERR Insufficient memory, failed allocating transient memory for LCS");
  }
  if (wanted.wantsLength) return c.reply.integer(new SubsequenceTable(a, b, false).length);
  const table = new SubsequenceTable(a, b, true);
  if (wanted.wantsMatches) replyMatches(c.reply, table, wanted);
  else c.reply.bulkBytes(table.text());
}

function lcsOptionsOrReply(c: Context): LcsOptions | undefined {
  let wantsLength = false;
  let wantsMatches = false;
  let withMatchLength = false;
  let matchLengthMin = 0;
  for (let index = 3; index < c.count; index++) {
    if (c.is(index, "idx")) wantsMatches = true;
    else if (c.is(index, "len")) wantsLength = true;
    else if (c.is(index, "withmatchlen")) withMatchLength = true;
    else if (c.is(index, "minmatchlen") && index + 1 < c.count) {
      const minimum = c.int64(++index);
      if (minimum === undefined) {
        c.reply.notAnInteger();
        return undefined;
      }
      matchLengthMin = Number(minimum);
    } else {
      c.reply.syntaxError();
      return undefined;
    }
  }
  if (wantsLength && wantsMatches) {
    c.reply.error("ERR If you want both the length and indexes, please just use IDX.");
    return undefined;
  }
  return { wantsLength, wantsMatches, withMatchLength, matchLengthMin };
}

/** `{matches: [[[a first, a last], [b first, b last], length?] ...], len}`, last match first. */
function replyMatches(reply: ReplyWriter, table: SubsequenceTable, wanted: LcsOptions): void {
  reply.map(2);
  reply.bulkText("matches");
  const mark = reply.length;
  let count = 0;
  table.walk((aStart, bStart, length) => {
    if (length < wanted.matchLengthMin) return;
    count++;
    reply.array(wanted.withMatchLength ? 3 : 2);
    replyRange(reply, aStart, length);
    replyRange(reply, bStart, length);
    if (wanted.withMatchLength) reply.integer(length);
  });
  reply.insertArray(mark, count);
  reply.bulkText("len");
  reply.integer(table.length);
}

function replyRange(reply: ReplyWriter, start: number, length: number): void {
  reply.array(2);
  reply.integer(start);
  reply.integer(start + length - 1);
}

/** The solved problem for two byte strings, both borrowed. */
export class SubsequenceTable {
  readonly #a: Uint8Array;
  readonly #b: Uint8Array;
  /** Bit i * (bytes of b) + j: for a[0..i] without its last byte the result is longer. */
  readonly #upBits: Uint8Array;
  /** Length of the longest common subsequence. */
  readonly length: number;

  /** Solves; without `walkable`, only `length` may be asked. */
  constructor(a: Uint8Array, b: Uint8Array, walkable: boolean) {
    this.#a = a;
    this.#b = b;
    this.#upBits = new Uint8Array(walkable ? Math.ceil((a.length * b.length) / 8) : 0);
    this.length = walkable ? this.#solve() : this.#solveLength();
  }

  #solve(): number {
    const a = this.#a;
    const b = this.#b;
    const upBits = this.#upBits;
    const columns = b.length;
    // row[j + 1] is the result for a[0..i] and b[0..j]: of the row before until it is overwritten.
    const row = new Uint32Array(columns + 1);
    let bit = 0;
    for (let i = 0; i < a.length; i++) {
      const byte = a[i];
      let diagonal = 0;
      let leftward = 0;
      for (let j = 0; j < columns; j++, bit++) {
        const upward = row[j + 1];
        if (b[j] === byte) {
          leftward = diagonal + 1;
        } else if (upward > leftward) {
          upBits[bit >>> 3] |= 1 << (bit & 7);
          leftward = upward;
        }
        diagonal = upward;
        row[j + 1] = leftward;
      }
    }
    return row[columns];
  }

  #solveLength(): number {
    const a = this.#a;
    const b = this.#b;
    const columns = b.length;
    const row = new Uint32Array(columns + 1);
    for (let i = 0; i < a.length; i++) {
      const byte = a[i];
      let diagonal = 0;
      let leftward = 0;
      for (let j = 0; j < columns; j++) {
        const upward = row[j + 1];
        if (b[j] === byte) leftward = diagonal + 1;
        else if (upward > leftward) leftward = upward;
        diagonal = upward;
        row[j + 1] = leftward;
      }
    }
    return row[columns];
  }

  /** The subsequence itself. */
  text(): Uint8Array {
    const text = new Uint8Array(this.length);
    let end = this.length;
    this.walk((aStart, _bStart, length) => {
      end -= length;
      text.set(this.#a.subarray(aStart, aStart + length), end);
    });
    return text;
  }

  /** Calls `visit` for each run of bytes that both strings share in the result, from the end on. */
  walk(visit: (aStart: number, bStart: number, length: number) => void): void {
    const a = this.#a;
    const b = this.#b;
    const columns = b.length;
    let i = a.length - 1;
    let j = columns - 1;
    let run = 0;
    while (i >= 0 && j >= 0) {
      if (a[i] === b[j]) {
        run++;
        i--;
        j--;
        continue;
      }
      if (run > 0) visit(i + 1, j + 1, run);
      run = 0;
      const bit = i * columns + j;
      if ((this.#upBits[bit >>> 3] & (1 << (bit & 7))) !== 0) i--;
      else j--;
    }
    if (run > 0) visit(i + 1, j + 1, run);
  }
}
