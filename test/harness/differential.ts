// Differential batteries: the same bytes to our server and to an oracle, replies compared byte for
// byte but for the rules of normalise.ts. Each test of a battery runs in RESP2 and in RESP3.
//
// Where the oracle is not installed, the battery is reported as skipped; with CI=true that is a
// failure. MINIREDIS_OURS=redis8 (or redis7, valkey9) puts an oracle in our server's place, which
// shows whether a battery itself is deterministic. MINIREDIS_DIFFERENCES=FILE appends what differs.

import { afterAll, beforeAll, describe, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { type Argument, binary, encodeCommand, RawClient } from "./client.ts";
import { sameReply } from "./normalise.ts";
import { findOracle, ORACLES_REQUIRED, type OracleName, startOracle } from "./oracle.ts";
import type { ServerProcess } from "./process.ts";
import { plainValue, type Reply, SILENT } from "./reply.ts";
import { startServer } from "./server.ts";

export type Command = readonly Argument[];
export type Protocol = 2 | 3;

/** Which of the two a probe is talking to. */
export interface Side {
  readonly isOurs: boolean;
  readonly protocol: Protocol;
  readonly server: ServerProcess;
  readonly known: Known;
  /** A further connection, in no particular protocol. Closed when the test ends. */
  connect(): Promise<RawClient>;
}

export interface Battery {
  /** Sends the commands, pipelined, to both servers, each of them empty, and compares replies. */
  compare(title: string, commands: (known: Known) => Iterable<Command>): void;
  /** As compare, one command per round trip, where pipelining would change the answers. */
  dialogue(title: string, commands: (known: Known) => Iterable<Command>): void;
  /**
   * Sends each frame, well-formed or not, on a fresh connection, followed by a well-formed command,
   * and compares every byte that comes back until that is answered or the connection is closed.
   */
  frames(title: string, frames: () => Iterable<string>): void;
  /** Runs a probe against both servers, each of them empty, and compares what it returns. */
  probe(title: string, run: (client: RawClient, side: Side) => Promise<unknown>): void;
}

/** What both servers have: batteries grow with ours. */
export interface Known {
  /** Whether our server has a command ("get", "client|list"). */
  (command: string): boolean;
  /** The configuration parameters that both have, with the oracle's values. */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface BatteryOptions {
  /** Command-line arguments for both servers. */
  readonly args?: readonly string[];
  /** Sent first on each connection of the battery. */
  readonly greeting?: Command;
  /** How long one test may take. */
  readonly timeoutMs?: number;
}

/** Commands per round trip. */
const BATCH = 1000;
/** Connections open at a time. */
const CONNECTIONS = 50;
const SHOWN = 25;
/** Differences after which a battery says no more. */
const GIVE_UP = 2000;
/**
 * How long a server may be silent about a command of a battery. A pipeline of a thousand commands
 * on a busy machine takes its time, and its first reply may be the last to be sent.
 */
const BATTERY_PATIENCE_MS = 20_000;
const SHOWN_CHARACTERS = 240;

/** Declares a battery; `define` declares its tests. */
export function differential(
  family: string,
  oracle: OracleName,
  define: (battery: Battery) => void,
  options: BatteryOptions = {},
): void {
  const missing = findOracle(oracle) === undefined;
  if (missing && ORACLES_REQUIRED) {
    test(`${family}: ${oracle} is installed`, () => {
      throw new Error(`the oracle ${oracle} is missing and CI=true`);
    });
    return;
  }
  const title = missing
    ? `${family} SKIPPED: ${oracle} is not installed`
    : `${family} as ${oracle}`;
  describe.skipIf(missing)(title, () => {
    const pair = new Pair(family, oracle, options);
    beforeAll(() => pair.start());
    afterAll(() => pair.stop());
    const timeout = options.timeoutMs ?? 60_000;
    for (const protocol of [2, 3] as const) {
      const add = (name: string, run: () => Promise<void>) =>
        test(`${name} (RESP${protocol})`, run, timeout);
      define({
        compare: (name, commands) => add(name, () => pair.compare(name, protocol, commands, BATCH)),
        dialogue: (name, commands) => add(name, () => pair.compare(name, protocol, commands, 1)),
        frames: (name, frames) => add(name, () => pair.frames(name, protocol, frames)),
        probe: (name, run) => add(name, () => pair.probe(name, protocol, run)),
      });
    }
  });
}

class Pair {
  readonly #family: string;
  readonly #oracle: OracleName;
  readonly #options: BatteryOptions;
  #ours!: ServerProcess;
  #theirs!: ServerProcess;
  #isMute = false;
  #known: Known = Object.assign(() => false, { parameters: new Map<string, string>() });

  constructor(family: string, oracle: OracleName, options: BatteryOptions) {
    this.#family = family;
    this.#oracle = oracle;
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#startServers();
    await using client = await this.#ours.connect();
    if (this.#options.greeting) await client.ask(...this.#options.greeting);
    const commands = new Set(texts(await client.ask("command", "list")));
    const parameters = await this.#commonParameters();
    this.#known = Object.assign((command: string) => commands.has(command), { parameters });
  }

  async #commonParameters(): Promise<Map<string, string>> {
    const pairs: Map<string, string>[] = [];
    for (const server of [this.#ours, this.#theirs]) {
      await using client = await server.connect();
      if (this.#options.greeting) await client.ask(...this.#options.greeting);
      const flat = texts(await client.ask("config", "get", "*"));
      const map = new Map<string, string>();
      for (let k = 0; k + 1 < flat.length; k += 2) map.set(flat[k], flat[k + 1]);
      pairs.push(map);
    }
    const [ours, theirs] = pairs;
    return new Map([...theirs].filter(([name]) => ours.has(name)).sort());
  }

  async stop(): Promise<void> {
    await this.#ours?.stop();
    await this.#theirs?.stop();
  }

  async #startServers(): Promise<void> {
    const args = this.#options.args ?? [];
    const stand = process.env.MINIREDIS_OURS as OracleName | undefined;
    this.#theirs = await startOracle(this.#oracle, args);
    this.#ours = await (stand ? startOracle(stand, args) : startServer({ args }));
    this.#isMute = false;
  }

  /** Before a test: replaces servers of which one has fallen silent or ended. */
  async #revive(): Promise<void> {
    if (!this.#isMute && this.#ours.isRunning && this.#theirs.isRunning) return;
    await Promise.all([this.#ours.stop("SIGKILL"), this.#theirs.stop("SIGKILL")]);
    await this.#startServers();
  }

  async #open(server: ServerProcess, protocol: Protocol): Promise<RawClient> {
    const client = await RawClient.connect(server.address, BATTERY_PATIENCE_MS);
    if (this.#options.greeting) await client.ask(...this.#options.greeting);
    if (protocol === 3) await client.ask("hello", "3");
    await client.ask("flushall");
    return client;
  }

  async compare(
    name: string,
    protocol: Protocol,
    commands: (known: Known) => Iterable<Command>,
    batchSize: number,
  ): Promise<void> {
    await this.#revive();
    await using ours = await this.#open(this.#ours, protocol);
    await using theirs = await this.#open(this.#theirs, protocol);
    const differences: string[] = [];
    let sent = 0;
    for (const batch of batches(commands(this.#known), batchSize)) {
      const [left, right] = await Promise.all([ours.pipeline(batch), theirs.pipeline(batch)]);
      for (let k = 0; k < batch.length; k++) {
        // A command that is never answered would only cost time.
        const answered = right[k].kind !== "silent";
        if (answered && sameReply(batch[k], left[k], right[k])) continue;
        differences.push(describeDifference(sent + k, batch[k], left[k], right[k]));
      }
      sent += batch.length;
      const isMute = left.at(-1)?.kind === "silent" || right.at(-1)?.kind === "silent";
      if (isMute || ours.isClosed || theirs.isClosed || differences.length > GIVE_UP) break;
    }
    this.#report(name, protocol, differences);
  }

  async frames(name: string, protocol: Protocol, frames: () => Iterable<string>): Promise<void> {
    await this.#revive();
    const all = [...frames()];
    const differences: string[] = [];
    for (let from = 0; from < all.length; from += CONNECTIONS) {
      const batch = all.slice(from, from + CONNECTIONS);
      const exchange = (server: ServerProcess) =>
        Promise.all(batch.map((frame) => exchangeFrame(server, protocol, frame)));
      const [ours, theirs] = await Promise.all([exchange(this.#ours), exchange(this.#theirs)]);
      for (let k = 0; k < batch.length; k++) {
        // A frame that swallows the command after it would only cost time.
        const useless = theirs[k].endsWith(SILENT.raw);
        if (ours[k] === theirs[k] && !useless) continue;
        const shown = [batch[k], ours[k], theirs[k]].map((text) =>
          JSON.stringify(text.slice(0, SHOWN_CHARACTERS)),
        );
        differences.push(`${shown[0]}\n   ours   ${shown[1]}\n   theirs ${shown[2]}`);
      }
    }
    this.#report(name, protocol, differences);
  }

  async probe(
    name: string,
    protocol: Protocol,
    run: (client: RawClient, side: Side) => Promise<unknown>,
  ): Promise<void> {
    await this.#revive();
    const results: unknown[] = [];
    for (const server of [this.#ours, this.#theirs]) {
      const opened: RawClient[] = [await this.#open(server, protocol)];
      const connect = async () => {
        const client = await server.connect();
        opened.push(client);
        return client;
      };
      const isOurs = server === this.#ours;
      try {
        results.push(
          await run(opened[0], { isOurs, protocol, server, known: this.#known, connect }),
        );
      } catch (error) {
        results.push({ failure: String(error) } satisfies Failure);
      } finally {
        for (const client of opened) client.close();
      }
    }
    const [ours, theirs] = results;
    const differences = [...differencesOf(ours, theirs)];
    if (differences.length === 0 && isFailure(theirs)) differences.push(`both: ${theirs.failure}`);
    this.#report(name, protocol, differences);
  }

  #report(name: string, protocol: Protocol, differences: readonly string[]): void {
    if (differences.length === 0) return;
    record(this.#family, name, protocol, differences);
    const shown = differences.slice(0, SHOWN);
    if (differences.length > SHOWN) shown.push(`... ${differences.length} in all`);
    if (!this.#ours.isRunning) shown.push("our server has ended");
    this.#isMute = differences.some((text) => text.includes(SILENT.raw));
    if (this.#isMute) shown.push("our log:", this.#ours.log.slice(-2000));
    throw new Error(`${shown.join("\n")}\n`);
  }
}

/** What became of a probe that threw. */
interface Failure {
  readonly failure: string;
}

function isFailure(result: unknown): result is Failure {
  return typeof result === "object" && result !== null && "failure" in result;
}

/** How long a server may be silent about a frame. */
const FRAME_PATIENCE_MS = 3000;

/**
 * Ends a frame: an unknown command, for every client may send one, whoever it is. The error quotes
 * it back, which shows that everything before it has been answered.
 */
const SENTINEL = "frame-ends-here";

/** What comes back for a frame: every byte, then "<closed>" or "<silent>" where that is the end. */
async function exchangeFrame(
  server: ServerProcess,
  protocol: Protocol,
  frame: string,
): Promise<string> {
  await using client = await RawClient.connect(server.address, FRAME_PATIENCE_MS);
  if (protocol === 3) await client.ask("hello", "3");
  client.send(Buffer.concat([binary(frame), encodeCommand([SENTINEL])]));
  let received = "";
  for (;;) {
    const reply = await client.next();
    received += reply.raw;
    if (reply.kind === "closed" || reply.kind === "silent") return received;
    if (reply.text.includes(SENTINEL) || received.length > 1e6) return received;
  }
}

function* batches(commands: Iterable<Command>, size: number): Generator<Command[]> {
  let batch: Command[] = [];
  for (const command of commands) {
    batch.push(command);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Where two probes' results differ, innermost places only. */
function* differencesOf(ours: unknown, theirs: unknown, path = "result"): Generator<string> {
  if (Bun.deepEquals(ours, theirs, true)) return;
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    if (ours.length === theirs.length) {
      // A name in front says more than a number.
      const named = typeof ours[0] === "string" && ours[0] === theirs[0] ? ` ${ours[0]}` : "";
      for (let k = 0; k < ours.length; k++) {
        yield* differencesOf(ours[k], theirs[k], `${path}[${k}]${named}`);
      }
      return;
    }
    const without = (some: unknown[], others: unknown[]) =>
      some.filter((one) => !others.some((other) => Bun.deepEquals(one, other, true)));
    const extra = JSON.stringify(without(ours, theirs)).slice(0, 1000);
    const missing = JSON.stringify(without(theirs, ours)).slice(0, 1000);
    yield `${path}\n   only ours   ${extra}\n   only theirs ${missing}`;
    return;
  }
  const text = (value: unknown) => (JSON.stringify(value) ?? "undefined").slice(0, 500);
  yield `${path}\n   ours   ${text(ours)}\n   theirs ${text(theirs)}`;
}

/** The elements of an aggregate reply as text; none where it is no aggregate. */
function texts(reply: Reply): string[] {
  const value = plainValue(reply);
  return Array.isArray(value) ? value.map(String) : [];
}

/** How two commands' replies differ, on three lines. */
export function describeDifference(
  at: number,
  command: Command,
  ours: Reply,
  theirs: Reply,
): string {
  const shown = command.map((arg) => {
    const text = typeof arg === "object" ? Buffer.from(arg).toString("latin1") : String(arg);
    return JSON.stringify(text).slice(0, 100);
  });
  const excerpt = (reply: Reply) => {
    // The first place that differs is what the reader wants to see.
    let same = 0;
    while (same < reply.raw.length && ours.raw[same] === theirs.raw[same]) same++;
    const from = Math.max(0, same - SHOWN_CHARACTERS / 2);
    const prefix = from > 0 ? `(from byte ${from}) ` : "";
    return prefix + JSON.stringify(reply.raw.slice(from, from + SHOWN_CHARACTERS));
  };
  return `#${at} ${shown.join(" ")}\n   ours   ${excerpt(ours)}\n   theirs ${excerpt(theirs)}`;
}

function record(family: string, name: string, protocol: Protocol, lines: readonly string[]): void {
  const file = process.env.MINIREDIS_DIFFERENCES;
  if (!file) return;
  appendFileSync(file, `\n### ${family}: ${name} (RESP${protocol}), ${lines.length}\n`);
  appendFileSync(file, `${lines.slice(0, SHOWN).join("\n")}\n`);
}
