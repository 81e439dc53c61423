// hot path: no allocation per command
//
// What a compiled script works with while it runs: its arguments, the commands that it calls, their
// replies, and how much it may still do. It is `r` in what generator.ts makes.
//
// The replies that it has had stay in the reply buffer, one behind the other, from where the
// script's own will begin. With them the virtual machine can take over at any time: it runs the
// script anew, is given these replies instead of running their commands again, and so gets to the
// same place, since nothing else tells one run of a script from another. A script is taken over
// when it does what is not compiled, when it fails, so that errors are Lua's own, and when it takes
// so long that it had better be supervised.
//
//   reply.buffer   ... | reply 1 | reply 2 | reply 3 |
//                      start     #starts[1]           length

import { copyBytes, moveBytes, writeInteger } from "../../base/ascii.ts";
import { writeDouble } from "../../base/double.ts";
import type { CommandContext, ServerContext } from "../../command/context.ts";
import type { Command } from "../../command/registry.ts";
import type { CommandRunner } from "../command-runner.ts";
import { giveUp } from "./bail.ts";
import { concatenable, Failure, PLAIN_LINE, Status, type Value } from "./operations.ts";

const CR = 13;
const DOLLAR = 36;
const ASTERISK = 42;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const ZERO = 48;

/** Bytes and number of a command's arguments. */
const ARGUMENT_BYTES_MAX = 1 << 16;
const ARGUMENTS_MAX = 1024;
/** Room for any number. */
const NUMBER_BYTES = 40;
/** Bytes and number of the replies that are kept. */
const REPLY_BYTES_MAX = 1 << 16;
const REPLIES_MAX = 1024;
/** What a script may do: turns of loops, and what counts as several of them. */
const STEPS_MAX = 200_000;
const QUICK_COST = 20;
const SLOW_COST = 500;
/** How long commands that may be slow may take until the script is supervised. */
const LONG_US = 10_000;
/** Bytes of text, and elements of an array, that count as one step. */
const BYTES_PER_STEP = 16;
/** Numbers are exact in JavaScript, and print alike, up to so many digits. */
const EXACT_DIGITS = 15;
const NESTING_MAX = 8;
/** Larger buffers are not held on to: their owners may give them up. */
const KEPT_BYTES_MAX = 1 << 22;
const NO_BYTES: Uint8Array = new Uint8Array(0);
/** Integers beyond this are handed over otherwise. */
const LARGEST_SHORT = 1e14;

/** What nothing declares: a buffer's part of the conversion to strings, which is the quickest. */
interface Latin1Buffer extends Uint8Array {
  latin1Slice(start: number, end: number): string;
}

/** Stands for the reply of the last command, as it is. */
const LAST = new Status("");

/** One machine's compiled scripts, one at a time. */
export class CompiledRun<S extends ServerContext> {
  readonly #runner: CommandRunner<S>;
  readonly last = LAST;
  #c!: CommandContext<S>;
  #steps = 0;
  #startedUs = 0;
  /** The arguments of the script's own command. */
  #bytes = NO_BYTES;
  #wordBytes: Latin1Buffer = bufferOf(new Uint8Array(0));
  readonly #words: [starts: Int32Array, ends: Int32Array];
  keyCount = 0;
  argumentCount = 0;
  /** The next command's arguments. */
  readonly #scratch = new Uint8Array(ARGUMENT_BYTES_MAX);
  readonly #starts = new Int32Array(ARGUMENTS_MAX);
  readonly #ends = new Int32Array(ARGUMENTS_MAX);
  #count = 0;
  #at = 0;
  /** The replies so far. */
  readonly replyStarts = new Int32Array(REPLIES_MAX);
  replyCount = 0;
  /** Where the reply that is being read goes on. */
  #readAt = 0;
  #replyBytes: Latin1Buffer = bufferOf(new Uint8Array(0));

  constructor(runner: CommandRunner<S>) {
    this.#runner = runner;
    this.#words = [new Int32Array(ARGUMENTS_MAX), new Int32Array(ARGUMENTS_MAX)];
  }

  /** A script begins that the context's command runs; false where it has too many arguments. */
  begun(c: CommandContext<S>, first: number, keyCount: number): boolean {
    const count = c.count - first;
    if (count > ARGUMENTS_MAX) return false;
    const [starts, ends] = this.#words;
    for (let k = 0; k < count; k++) {
      starts[k] = c.start(first + k);
      ends[k] = c.end(first + k);
    }
    this.#c = c;
    this.#bytes = c.bytes;
    this.keyCount = keyCount;
    this.argumentCount = count - keyCount;
    this.#steps = STEPS_MAX;
    this.#startedUs = 0;
    this.replyCount = 0;
    return true;
  }

  giveUp(): never {
    return giveUp();
  }

  /** A turn of a loop, or what counts as so many of them. */
  step(cost: number): void {
    this.#steps -= cost;
    if (this.#steps < 0) giveUp();
  }

  /** The turns of a loop that counts. */
  steps(first: number, last: number, step: number, cost: number): void {
    const spent = (Math.floor((last - first) / step) + 1) * cost;
    if (!(spent <= this.#steps)) giveUp();
    if (spent > 0) this.#steps -= spent;
  }

  /** a == b */
  same(a: Value, b: Value): boolean {
    if (typeof a === "string") this.step(a.length / BYTES_PER_STEP);
    return a === b;
  }

  /** The strings or numbers one behind the other. */
  joined(a: Value, b: Value): string {
    const text = concatenable(a) + concatenable(b);
    this.step(1 + text.length / BYTES_PER_STEP);
    return text;
  }

  /** A new array. */
  table(items: Value[]): Value[] {
    this.step(1 + items.length / BYTES_PER_STEP);
    return items;
  }

  /** What ipairs goes through. */
  array(value: Value): Value[] {
    return Array.isArray(value) ? value : giveUp();
  }

  // KEYS and ARGV.

  keyText(index: Value): string | undefined {
    return isWithin(index, this.keyCount) ? this.#wordText(index - 1) : undefined;
  }

  argumentText(index: Value): string | undefined {
    if (!isWithin(index, this.argumentCount)) return undefined;
    return this.#wordText(this.keyCount + index - 1);
  }

  #wordText(k: number): string {
    const start = this.#words[0][k];
    const end = this.#words[1][k];
    this.step((end - start) / BYTES_PER_STEP);
    const bytes = this.#bytes;
    const text = shortText(bytes, start, end);
    if (text !== undefined) return text;
    let from = this.#wordBytes;
    if (from.buffer !== bytes.buffer) {
      from = bufferOf(bytes);
      if (bytes.length <= KEPT_BYTES_MAX) this.#wordBytes = from;
    }
    return from.latin1Slice(bytes.byteOffset + start, bytes.byteOffset + end);
  }

  // The arguments of a command.

  begin(): void {
    this.#count = 0;
    this.#at = 0;
  }

  /** Makes room for an argument of so many bytes; returns where it begins. */
  #room(length: number): number {
    const at = this.#at;
    if (at + length > ARGUMENT_BYTES_MAX || this.#count === ARGUMENTS_MAX) return giveUp();
    this.#starts[this.#count] = at;
    this.#at = at + length;
    this.#ends[this.#count++] = at + length;
    return at;
  }

  put(bytes: Uint8Array): void {
    copyBytes(this.#scratch, this.#room(bytes.length), bytes, 0, bytes.length);
  }

  putKey(index: Value): void {
    if (!isWithin(index, this.keyCount)) return giveUp();
    this.#putWord(index - 1);
  }

  putArgument(index: Value): void {
    if (!isWithin(index, this.argumentCount)) return giveUp();
    this.#putWord(this.keyCount + index - 1);
  }

  putKeys(): void {
    for (let k = 0; k < this.keyCount; k++) this.#putWord(k);
  }

  putArguments(): void {
    const count = this.keyCount + this.argumentCount;
    for (let k = this.keyCount; k < count; k++) this.#putWord(k);
  }

  #putWord(k: number): void {
    const start = this.#words[0][k];
    const end = this.#words[1][k];
    copyBytes(this.#scratch, this.#room(end - start), this.#bytes, start, end);
  }

  /** unpack(array) */
  putArray(values: Value): void {
    if (!Array.isArray(values)) return giveUp();
    for (let k = 0; k < values.length; k++) this.putValue(values[k]);
  }

  putValue(value: Value): void {
    if (typeof value === "string") return this.#putText(value);
    if (typeof value !== "number") return giveUp();
    const at = this.#room(NUMBER_BYTES);
    const isInteger = Math.floor(value) === value;
    // What is no number has a sign all the same, which is lost here.
    if (Number.isNaN(value) || (isInteger && Math.abs(value) >= LARGEST_SHORT)) return giveUp();
    const scratch = this.#scratch;
    const end = isInteger ? writeInteger(scratch, at, value + 0) : writeDouble(scratch, at, value);
    this.#at = end;
    this.#ends[this.#count - 1] = end;
  }

  #putText(text: string): void {
    const length = text.length;
    const at = this.#room(length);
    const scratch = this.#scratch;
    for (let k = 0; k < length; k++) scratch[at + k] = text.charCodeAt(k);
  }

  // Commands and their replies.

  /** It has ended, one way or the other: lets go of the request. */
  end(): void {
    this.#bytes = NO_BYTES;
  }

  /** Makes a reply that begins at `start` of what a script has returned. */
  finish(value: Value, start: number): void {
    const { reply } = this.#c;
    const errors = reply.errorCount;
    let from = reply.length;
    if (value !== LAST) this.#write(value, 0);
    else from = this.#pass(this.replyStarts[this.replyCount - 1]);
    if (from === start) return;
    moveBytes(reply.buffer, start, from, reply.length);
    reply.length -= from - start;
    if (reply.errorCount !== errors) reply.errorStart -= from - start;
  }

  #write(value: Value, nesting: number): void {
    const { reply } = this.#c;
    if (typeof value === "string") this.#writeText(value);
    else if (typeof value === "number") this.#writeNumber(value);
    else if (value === true) reply.integer(1);
    else if (value === undefined || value === false) reply.null();
    else if (Array.isArray(value)) this.#writeArray(value, nesting);
    else if (!PLAIN_LINE.test(value.text)) giveUp();
    else if (value instanceof Failure) reply.error(value.text);
    else reply.simple(value.text);
  }

  #writeText(text: string): void {
    this.begin();
    this.#putText(text);
    this.#c.reply.bulk(this.#scratch, 0, this.#at);
  }

  #writeNumber(value: number): void {
    const whole = Math.trunc(value);
    if (!Number.isSafeInteger(whole)) giveUp();
    this.#c.reply.integer(whole + 0);
  }

  #writeArray(values: Value[], nesting: number): void {
    if (nesting === NESTING_MAX) giveUp();
    this.#c.reply.array(values.length);
    for (let k = 0; k < values.length; k++) this.#write(values[k], nesting + 1);
  }

  /** Makes the last reply the script's own; returns where it begins then. */
  #pass(mark: number): number {
    const { reply } = this.#c;
    if (this.#isSame(reply.buffer, mark)) return mark;
    const end = reply.length;
    this.#write(this.reply(), 0);
    return end;
  }

  /** Whether a reply comes out of Lua as it went in. */
  #isSame(buffer: Uint8Array, mark: number): boolean {
    this.#readAt = mark;
    const isLatest = this.#c.reply.protocol === 3;
    for (let left = 1; left > 0; left--) {
      const type = buffer[this.#readAt++];
      if (type === PLUS) {
        while (buffer[this.#readAt] !== CR) this.#readAt++;
        this.#readAt += 2;
        continue;
      }
      if (type !== DOLLAR && type !== COLON && type !== ASTERISK) return false;
      const number = this.#integer(buffer);
      if (type === COLON) continue;
      if (number < 0 && (isLatest || type === ASTERISK)) return false;
      if (type === ASTERISK) left += number;
      else if (number >= 0) this.#readAt += number + 2;
    }
    return true;
  }

  /** Runs a command with the arguments handed over; `isLast` if its reply is the script's. */
  run(command: Command<S>, isLast: boolean): void {
    const { reply } = this.#c;
    const mark = reply.length;
    if (this.replyCount === REPLIES_MAX) giveUp();
    const startedUs = command.isQuick ? 0 : this.#startedUs || this.#start();
    const isRun = this.#runner.runPrepared(
      command,
      this.#scratch,
      this.#starts,
      this.#ends,
      this.#count,
    );
    if (!isRun) giveUp();
    this.replyStarts[this.replyCount++] = mark;
    if (reply.buffer[mark] === MINUS) giveUp();
    if (isLast) return;
    const keptBytes = reply.length - this.replyStarts[0];
    if (keptBytes > REPLY_BYTES_MAX) giveUp();
    this.step((command.isQuick ? QUICK_COST : SLOW_COST) + (reply.length - mark) / 64);
    if (command.isQuick) return;
    if (this.#c.server.clock.monotonicUs() - startedUs > LONG_US) giveUp();
  }

  /** When the first command that may be slow was called. */
  #start(): number {
    this.#startedUs = this.#c.server.clock.monotonicUs();
    return this.#startedUs;
  }

  /** The reply of the command that ran last, as a value. */
  reply(): Value {
    this.#readAt = this.replyStarts[this.replyCount - 1];
    return this.#value(0);
  }

  #value(nesting: number): Value {
    const { buffer } = this.#c.reply;
    const type = buffer[this.#readAt++];
    if (type === DOLLAR) return this.#bulk(buffer);
    if (type === COLON) return this.#integer(buffer);
    if (type === PLUS) return this.#status(buffer);
    return type === ASTERISK ? this.#array(buffer, nesting) : giveUp();
  }

  /** The integer of a line, which is passed. */
  #integer(buffer: Uint8Array): number {
    let at = this.#readAt;
    const isNegative = buffer[at] === MINUS;
    if (isNegative) at++;
    const start = at;
    let value = 0;
    for (; buffer[at] !== CR; at++) value = value * 10 + buffer[at] - ZERO;
    if (at - start > EXACT_DIGITS) return giveUp();
    this.#readAt = at + 2;
    return isNegative ? -value : value;
  }

  #bulk(buffer: Uint8Array): string | false {
    const length = this.#integer(buffer);
    if (length < 0) return false;
    const start = this.#readAt;
    this.#readAt = start + length + 2;
    return this.#text(buffer, start, start + length);
  }

  #text(buffer: Uint8Array, start: number, end: number): string {
    const text = shortText(buffer, start, end);
    if (text !== undefined) return text;
    let from = this.#replyBytes;
    if (from.buffer !== buffer.buffer) {
      from = bufferOf(buffer);
      if (buffer.length <= KEPT_BYTES_MAX) this.#replyBytes = from;
    }
    return from.latin1Slice(buffer.byteOffset + start, buffer.byteOffset + end);
  }

  // alloc: scripts see a status as a table of their own
  #status(buffer: Uint8Array): Status {
    const start = this.#readAt;
    let end = start;
    while (buffer[end] !== CR) end++;
    this.#readAt = end + 2;
    return new Status(this.#text(buffer, start, end));
  }

  // alloc: the array
  #array(buffer: Uint8Array, nesting: number): Value[] | false {
    const count = this.#integer(buffer);
    if (count < 0) return false;
    if (nesting === NESTING_MAX) return giveUp();
    const values: Value[] = [];
    for (let k = 0; k < count; k++) values.push(this.#value(nesting + 1));
    return values;
  }
}

function isWithin(index: Value, count: number): index is number {
  return typeof index === "number" && index >= 1 && index <= count && Number.isInteger(index);
}

/** Cold: the bytes as what texts are made of; they are others only once in a while. */
function bufferOf(bytes: Uint8Array): Latin1Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer) as unknown as Latin1Buffer;
}

/** A text of a few characters; undefined where there is a quicker way. */
function shortText(bytes: Uint8Array, start: number, end: number): string | undefined {
  switch (end - start) {
    case 0:
      return "";
    case 1:
      return String.fromCharCode(bytes[start]);
    case 2:
      return String.fromCharCode(bytes[start], bytes[start + 1]);
    case 3:
      return String.fromCharCode(bytes[start], bytes[start + 1], bytes[start + 2]);
  }
  return undefined;
}
