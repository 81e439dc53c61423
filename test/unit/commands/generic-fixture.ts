// Runs commands about keys against a keyspace of their own, without a server: what a command
// replies, byte for byte, and what it propagates. Texts are one character per byte throughout.

import { ManualClock } from "../../../src/base/clock.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Client, SILENT_CHANNEL } from "../../../src/command/client.ts";
import { CommandContext } from "../../../src/command/context.ts";
import { Effects } from "../../../src/command/effects.ts";
import { CommandRegistry } from "../../../src/command/registry.ts";
import type { CommandFamily } from "../../../src/command/spec.ts";
import { commandCommands } from "../../../src/commands/command.ts";
import { databaseCommands } from "../../../src/commands/databases.ts";
import { expiryCommands } from "../../../src/commands/expiry.ts";
import type { Context, Features } from "../../../src/commands/features.ts";
import { genericCommands } from "../../../src/commands/generic.ts";
import { objectCommands } from "../../../src/commands/generic-object.ts";
import { scanCommands } from "../../../src/commands/scan.ts";
import { stringCommands } from "../../../src/commands/strings.ts";
import { waitCommands } from "../../../src/commands/wait.ts";
import { Config } from "../../../src/config/config.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { type Protocol, ReplyWriter } from "../../../src/resp/reply.ts";
import { presentFamily } from "../../harness/present-family.ts";
import { nobodyWaits } from "./nobody-waits.ts";

export const START_MS = 1_700_000_000_000;
export const NOT_AN_INTEGER = "-ERR value is not an integer or out of range\r\n";
export const SYNTAX_ERROR = "-ERR syntax error\r\n";
export const OK = "+OK\r\n";

/** A bulk string reply. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** An array reply of bulk strings. */
export function bulks(...texts: string[]): string {
  return `*${texts.length}\r\n${texts.map(bulk).join("")}`;
}

/** An integer reply. */
export function integer(value: number | bigint): string {
  return `:${value}\r\n`;
}

/** The families under test, with GET and SET to have something to work on. */
export const families = [
  stringCommands,
  genericCommands,
  waitCommands,
  expiryCommands,
  scanCommands,
  objectCommands,
  databaseCommands,
  commandCommands,
];

export class GenericFixture {
  readonly clock = new ManualClock(START_MS);
  readonly keyspace = new Keyspace(16, new Xoshiro(7));
  readonly effects = new Effects();
  readonly config = new Config();
  readonly registry: CommandRegistry<Features>;

  readonly #reply = new ReplyWriter();
  readonly #context: Context;
  #propagated: string[] = [];
  #dbIndex = 0;
  #runs = 0;

  /** With `more` families beside those above. */
  constructor(more: readonly CommandFamily<Features>[] = []) {
    this.registry = CommandRegistry.of<Features>([...families, ...more].map(presentFamily));
    this.config.set([["save", ""]]);
    const server = {
      clock: this.clock,
      random: new Xoshiro(8),
      keyspace: this.keyspace,
      registry: this.registry,
      config: this.config,
      blocking: nobodyWaits(this.keyspace),
      snapshots: { isSaving: false, cancel: () => {}, save: () => true, saveWhole: () => {} },
      tracking: { flushed: () => {} },
      pushFirst: () => {},
    } as unknown as Features;
    this.#context = new CommandContext<Features>(server, this.#reply, this.effects);
    this.#context.client = new Client(1, SILENT_CHANNEL, 0, false);
    this.effects.addSink({
      append: (_, bytes, start, end) => this.#propagated.push(latin1Text(bytes, start, end)),
    });
    this.keyspace.events = {
      expired: (_, view) => {
        const effect = this.effects.also(2);
        effect.bulkText("DEL");
        effect.bulk(view.bytes, view.keyStart, view.keyEnd);
      },
      evicted: () => {},
      fieldExpired: () => {},
      notified: () => {},
      appeared: () => {},
      vanished: () => {},
    };
  }

  select(dbIndex: number): void {
    this.#dbIndex = dbIndex;
  }

  set protocol(protocol: Protocol) {
    this.#reply.protocol = protocol;
  }

  /** Executes a command and returns its reply. */
  run(...args: string[]): string {
    const c = this.#context;
    c.db = this.keyspace.databases[this.#dbIndex];
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
    let command = this.registry.find(bytes, starts[0], ends[0]);
    if (command?.subcommands !== undefined && args.length > 1) {
      command = command.subcommands.find(bytes, starts[1], ends[1]);
    }
    if (command === undefined) throw new Error(`no such command: ${args[0]}`);
    if (!command.acceptsCount(args.length)) throw new Error(`wrong argument count: ${args}`);
    c.command = command;
    const changes = this.effects.changes;
    this.#reply.clear();
    command.run?.(c);
    this.effects.finish(0, this.effects.changes !== changes, bytes, 0, bytes.length);
    // Not after every command of a large load: a walk costs as much as a thousand commands.
    if (this.#runs++ < 50 || this.#runs % 50 === 0) this.keyspace.verify();
    return latin1Text(this.#reply.buffer, 0, this.#reply.length);
  }

  /** What was propagated since this was last asked, arguments joined by blanks. */
  propagated(): string[] {
    const commands = this.#propagated.map((command) => {
      const lines = command.split("\r\n");
      return lines.filter((_, index) => index > 0 && index % 2 === 0).join(" ");
    });
    this.#propagated = [];
    return commands;
  }
}
