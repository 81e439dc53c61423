// One run of a server through something that has to do with the disk, with `appendfsync always`:
// every change is numbered and known by the digest of what it has led to, and what was acknowledged
// is promised. Crash tests look at what the disk holds at each of its operations, or have one fail.

import {
  type Peer,
  request,
  ServerFixture,
  START_MS,
  TickingClock,
} from "../unit/server/server-fixture.ts";
import type { FaultyFileSystem } from "./faulty-file-system.ts";
import { VirtualTime } from "./virtual-time.ts";

const COMMON = `port 0
dir /data
enable-debug-command yes
enable-protected-configs yes
appendfsync always
stop-writes-on-bgsave-error no`;

/** Time in which a reply must come. */
const PATIENCE_MS = 2000;
const STEP_MS = 10;

export class OperationRun implements Disposable {
  readonly disk: FaultyFileSystem;
  readonly #clock = new TickingClock(START_MS);
  readonly #time = new VirtualTime(this.#clock);
  readonly #model: Peer;
  /** By digest: the number of changes that led there. */
  readonly states = new Map<string, number>();
  /** Changes so far, and how many of them were acknowledged. */
  changes = 0;
  acknowledged = 0;
  fixture!: ServerFixture;
  #peer!: Peer;

  constructor(disk: FaultyFileSystem) {
    this.disk = disk;
    this.#model = new ServerFixture(COMMON).connect();
    this.#noteState();
  }

  [Symbol.dispose](): void {
    this.#time[Symbol.dispose]();
  }

  #noteState(): void {
    this.states.set(this.#model.run("debug digest"), this.changes);
  }

  /** Rejects where the server refuses to start. */
  async start(directives: string, disk: FaultyFileSystem = this.disk): Promise<void> {
    this.#time.forget();
    this.fixture = new ServerFixture(`${COMMON}\n${directives}`, 1, disk, this.#clock);
    this.#clock.tickUs = 0;
    await this.#time.until(this.fixture.server.start());
    this.#clock.tickUs = 40;
    this.#peer = this.fixture.connect();
  }

  /** What is there now counts as changes that were made and promised. */
  adopt(...commands: string[]): void {
    for (const command of commands) {
      this.#model.run(command);
      this.changes++;
      this.#noteState();
    }
    this.acknowledged = this.changes;
  }

  /** The number of changes that the running server holds; undefined where that never was. */
  async found(): Promise<number | undefined> {
    return this.states.get(await this.#ask("debug digest"));
  }

  async #ask(command: string): Promise<string> {
    const peer = this.fixture.connect();
    peer.send(request(command));
    for (let ms = 0; ms < PATIENCE_MS && peer.transport.length === 0; ms += STEP_MS) {
      await this.#time.turn();
      if (peer.transport.length === 0) await this.#time.pass(STEP_MS);
    }
    return peer.transport.take();
  }

  /** Has a client of its own send a command that changes no data. */
  command(text: string): void {
    this.fixture.connect().send(request(text));
  }

  /** Makes changes; false where one was refused or its reply does not come. */
  async change(...commands: string[]): Promise<boolean> {
    let isGood = true;
    for (const command of commands) {
      if (this.#peer.transport.isClosed) this.#peer = this.fixture.connect();
      const before = this.fixture.server.effects.changes;
      this.#peer.send(request(command));
      if (this.fixture.server.effects.changes !== before) {
        this.#model.run(command);
        this.changes++;
        this.#noteState();
      }
      const number = this.changes;
      for (let ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
        await this.#time.turn();
        if (this.#peer.transport.length > 0 || this.#peer.transport.isClosed) break;
        await this.#time.pass(STEP_MS);
      }
      const reply = this.#peer.transport.take();
      if (reply === "" || reply.startsWith("-")) isGood = false;
      else this.acknowledged = Math.max(this.acknowledged, number);
    }
    return isGood;
  }

  pass(ms: number): Promise<void> {
    return this.#time.pass(ms);
  }

  /** Waits until nothing runs in the background. */
  async settle(): Promise<void> {
    const { rewriting, snapshots } = this.fixture.server;
    for (let turn = 0; turn < 500; turn++) {
      await this.#time.turn();
      if (!rewriting.isActive && !snapshots.isSaving) return;
      await this.#time.pass(1);
    }
    throw new Error("what runs in the background does not end");
  }

  async stop(): Promise<void> {
    await this.#time.until(this.fixture.server.stop());
    this.#time.forget();
  }
}
