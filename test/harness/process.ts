// Server processes of the tests: started, waited for, always ended by their own pid. A server
// whose test process dies is ended by the system (Linux) or by the exit handler.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type Address, RawClient } from "./client.ts";

const READY_TEXT = "Ready to accept connections";
/** More where the machine has much else to do. */
const READY_DEADLINE_MS = Number(process.env.READY_DEADLINE_MS ?? 20_000);
const STOP_DEADLINE_MS = 10_000;
const PORT_ATTEMPTS = 5;

/** What is needed to start a server. */
export interface Launch {
  /** The command line for a port and a directory; paths as the server sees them. */
  readonly command: (port: number, directory: string) => string[];
  /** Where scratch directories are made, as this process sees it. */
  readonly scratch: string;
  /** What of a path the server does not see because it runs in a changed root. */
  readonly root?: string;
  readonly cwd?: string;
  readonly environment?: Record<string, string>;
  /** Uses this directory and keeps it afterwards. */
  readonly directory?: string;
}

const running = new Set<ServerProcess>();
process.on("exit", () => {
  for (const server of running) server.kill();
});

/** A running server. Dispose of it with `await using` or call `stop`. */
export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  /** The server's working directory as this process sees it. */
  readonly directory: string;
  /** Resolves with the exit code, or with minus the signal's number. */
  readonly exited: Promise<number>;

  #child: Subprocess<"ignore", "pipe", "pipe">;
  #keepDirectory: boolean;
  #log = "";
  #watchers = new Set<() => void>();

  private constructor(port: number, directory: string, launch: Launch) {
    this.port = port;
    this.directory = directory;
    this.#keepDirectory = launch.directory !== undefined;
    const seen = launch.root ? directory.slice(launch.root.length) : directory;
    this.#child = Bun.spawn([...DIES_WITH_PARENT, ...launch.command(port, seen)], {
      cwd: launch.cwd,
      env: { ...process.env, ...launch.environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    running.add(this);
    const drained = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
    this.exited = this.#child.exited.then(async (code) => {
      running.delete(this);
      await drained;
      for (const watcher of this.#watchers) watcher();
      const signal = this.#child.signalCode;
      return signal ? -signalNumber(String(signal)) : code;
    });
  }

  /** Starts a server and waits until it accepts connections. */
  static async start(launch: Launch): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt++) {
      const directory = launch.directory ?? mkdtempSync(join(launch.scratch, "miniredis-"));
      const server = new ServerProcess(freePort(), directory, launch);
      if (await server.waitForLog(READY_TEXT)) return server;
      const log = server.log;
      await server.stop("SIGKILL");
      const portTaken = /Failed listening on port|already in use|EADDRINUSE/.test(log);
      if (!portTaken || attempt === PORT_ATTEMPTS) throw new Error(`no server came up:\n${log}`);
    }
  }

  /** Starts a process that is not expected to serve, for tests of refusals. */
  static launch(launch: Launch): ServerProcess {
    const directory = launch.directory ?? mkdtempSync(join(launch.scratch, "miniredis-"));
    return new ServerProcess(freePort(), directory, launch);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get address(): Address {
    return { port: this.port };
  }

  /** Everything written to stdout and stderr so far. */
  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return running.has(this);
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.address);
  }

  /** Waits for a text in the log; false when the process ends or the deadline passes first. */
  async waitForLog(text: string, from = 0, deadlineMs = READY_DEADLINE_MS): Promise<boolean> {
    const found = () => this.#log.includes(text, from);
    const { promise, resolve } = Promise.withResolvers<void>();
    const watcher = () => {
      if (found() || !this.isRunning) resolve();
    };
    this.#watchers.add(watcher);
    const timer = setTimeout(resolve, deadlineMs);
    watcher();
    await promise;
    clearTimeout(timer);
    this.#watchers.delete(watcher);
    return found();
  }

  /** Sends a signal to the server. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the server and removes its directory; returns what `exited` resolves with. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    if (this.isRunning) this.#child.kill(signal);
    const timer = setTimeout(() => this.kill(), STOP_DEADLINE_MS);
    const code = await this.exited;
    clearTimeout(timer);
    if (!this.#keepDirectory) rmSync(this.directory, { recursive: true, force: true });
    return code;
  }

  /** Ends the server at once, without waiting. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#log += decoder.decode(chunk, { stream: true });
      for (const watcher of this.#watchers) watcher();
    }
  }
}

/** A command prefix, where there is one, that ends the server when this process dies. */
const DIES_WITH_PARENT: readonly string[] =
  process.platform === "linux" && Bun.which("setpriv") ? ["setpriv", "--pdeathsig", "KILL"] : [];

const SIGNAL_NUMBERS: Record<string, number> = { SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11 };

function signalNumber(name: string): number {
  return SIGNAL_NUMBERS[name] ?? 15;
}

/** A TCP port that was free a moment ago. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = probe.port;
  probe.stop(true);
  return port;
}
