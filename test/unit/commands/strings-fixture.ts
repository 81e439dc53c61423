// Runs string commands against a keyspace of their own, without a server: what a command replies,
// byte for byte, and what it propagates.

import { ManualClock } from "../../../src/base/clock.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { CommandContext } from "../../../src/command/context.ts";
import { Effects } from "../../../src/command/effects.ts";
import { CommandRegistry } from "../../../src/command/registry.ts";
import { bitmapCommands } from "../../../src/commands/bitmaps.ts";
import { bitmapFieldCommands } from "../../../src/commands/bitmaps-field.ts";
import { bitmapOperationCommands } from "../../../src/commands/bitmaps-operations.ts";
import type { Context, Features } from "../../../src/commands/features.ts";
import { hyperloglogCommands } from "../../../src/commands/hyperloglog.ts";
import { hyperloglogDebugCommands } from "../../../src/commands/hyperloglog-debug.ts";
import { setCommands } from "../../../src/commands/sets.ts";
import { setCombinedCommands } from "../../../src/commands/sets-combined.ts";
import { setRandomCommands } from "../../../src/commands/sets-random.ts";
import { setScanCommands } from "../../../src/commands/sets-scan.ts";
import { stringCommands } from "../../../src/commands/strings.ts";
import { stringLcsCommands } from "../../../src/commands/strings-lcs.ts";
import { stringMultipleCommands } from "../../../src/commands/strings-multiple.ts";
import { stringNumericCommands } from "../../../src/commands/strings-numeric.ts";
import { stringRangeCommands } from "../../../src/commands/strings-range.ts";
import { encodingName } from "../../../src/keyspace/encoding.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { HASH, LISTPACK, RecordView } from "../../../src/structures/record.ts";
import { presentFamily } from "../../harness/present-family.ts";

export const START_MS = 1_700_000_000_000;
export const WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
export const NOT_AN_INTEGER = "-ERR value is not an integer or out of range\r\n";
export const SYNTAX_ERROR = "-ERR syntax error\r\n";
export const NULL_REPLY = "$-1\r\n";
export const OK = "+OK\r\n";

/** A bulk string reply. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** The string families. */
export const families = [
  stringCommands,
  stringNumericCommands,
  stringRangeCommands,
  stringMultipleCommands,
  stringLcsCommands,
];

/** Further families that are tested command by command. */
const otherFamilies = [
  setCommands,
  setCombinedCommands,
  setRandomCommands,
  setScanCommands,
  bitmapCommands,
  bitmapFieldCommands,
  bitmapOperationCommands,
  hyperloglogCommands,
  hyperloglogDebugCommands,
];

/** One database and the string commands. Texts are one character per byte throughout. */
export class StringFixture {
  readonly clock = new ManualClock(START_MS);
  readonly keyspace = new Keyspace(1, new Xoshiro(7));
  readonly reply = new ReplyWriter();
  /** proto-max-bulk-len */
  bulkLengthMax = 512 * 1024 * 1024;

  /** Directives that are `yes`. */
  readonly flags = new Set<string>();

  readonly #registry = CommandRegistry.of<Features>(
    [...families, ...otherFamilies].map(presentFamily),
  );
  readonly #effects = new Effects();
  readonly #context: Context;
  #propagated: string[] = [];

  constructor() {
    const server = {
      clock: this.clock,
      random: new Xoshiro(8),
      keyspace: this.keyspace,
      registry: this.#registry,
      config: { integer: () => this.bulkLengthMax, flag: (name: string) => this.flags.has(name) },
    } as unknown as Features;
    this.#context = new CommandContext<Features>(server, this.reply, this.#effects);
    this.#context.db = this.keyspace.databases[0];
    this.#effects.addSink({
      append: (_, bytes, start, end) => this.#propagated.push(latin1Text(bytes, start, end)),
    });
  }

  /** Executes a command and returns its reply. */
  run(...args: string[]): string {
    const c = this.#context;
    c.nowMs = this.clock.wallMs();
    this.keyspace.setTime(c.nowMs);
    const starts = new Int32Array(args.length);
    const ends = new Int32Array(args.length);
    let request = `*${args.length}\r\n`;
    for (let k = 0; k < args.length; k++) {
      request += `$${args[k].length}\r\n`;
      starts[k] = request.length;
      request += args[k];
      ends[k] = request.length;
      request += "\r\n";
    }
    const bytes = latin1Bytes(request);
    c.setArguments(bytes, starts, ends, 0, args.length);
    const command = this.#registry.find(bytes, starts[0], ends[0]);
    if (command === undefined) throw new Error(`no such command: ${args[0]}`);
    if (!command.acceptsCount(args.length)) throw new Error(`wrong argument count: ${args}`);
    c.command = command;
    const changes = this.#effects.changes;
    this.reply.clear();
    command.run?.(c);
    this.#effects.finish(0, this.#effects.changes !== changes, bytes, 0, bytes.length);
    this.keyspace.verify();
    return latin1Text(this.reply.buffer, 0, this.reply.length);
  }

  /** What was propagated since this was last asked, arguments joined by blanks. */
  propagated(): string[] {
    const lines = this.#propagated.join("").split("\r\n");
    const commands: string[] = [];
    for (let at = 0; at + 1 < lines.length; ) {
      const count = Number(lines[at++].slice(1));
      const words: string[] = [];
      for (let k = 0; k < count; k++, at += 2) words.push(lines[at + 1]);
      commands.push(words.join(" "));
    }
    this.#propagated = [];
    return commands;
  }

  /** Gives a key a value of another type than string. */
  makeHash(key: string): void {
    const db = this.keyspace.databases[0];
    const name = latin1Bytes(key);
    const hash = this.keyspace.hash(name, 0, name.length);
    // The field 1 with the value 2.
    const listpack = [11, 0, 0, 0, 2, 0, 1, 1, 2, 1, 0xff];
    const { view } = this.keyspace;
    db.createValue(view, HASH, LISTPACK, name, 0, name.length, hash, listpack.length);
    view.bytes.set(listpack, view.valueStart);
    db.resized(HASH, -1, 1);
  }

  /** What OBJECT ENCODING says of a key. */
  encoding(key: string): string {
    return encodingName(this.#find(key));
  }

  /** The expiry of a key, Unix time in milliseconds, or -1. */
  expiryMs(key: string): number {
    return this.#find(key).expiryMs;
  }

  #find(key: string): RecordView {
    const bytes = latin1Bytes(key);
    const view = new RecordView(this.keyspace.pool);
    const hash = this.keyspace.hash(bytes, 0, bytes.length);
    const found = this.keyspace.databases[0].peek(view, bytes, 0, bytes.length, hash);
    if (found === undefined) throw new Error(`no such key: ${key}`);
    return found;
  }
}
