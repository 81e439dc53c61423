// One run of a server through something that has to do with the disk, with `appendfsync always`:
// every change is numbered and known by the digest of what it has led to, and what was acknowledged
// is promised. Crash tests look at what the disk holds at each of its operations, or have one fail.

import { type Peer, request, type ServerFixture } from "../unit/server/server-fixture.ts";
import type { FaultyFileSystem } from "./faulty-file-system.ts";
import { modelPeer, SimulatedServer } from "./simulated-server.ts";

export class OperationRun implements Disposable {
  readonly disk: FaultyFileSystem;
  readonly #server = new SimulatedServer();
  readonly #model = modelPeer();
  /** By digest: the number of changes that led there. */
  readonly states = new Map<string, number>();
  /** Changes so far, and how many of them were acknowledged. */
  changes = 0;
  acknowledged = 0;
  #peer!: Peer;

  constructor(disk: FaultyFileSystem) {
    this.disk = disk;
    this.#noteState();
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]();
  }

  get fixture(): ServerFixture {
    return this.#server.fixture;
  }

  #noteState(): void {
    this.states.set(this.#model.run("debug digest"), this.changes);
  }

  /** Rejects where the server refuses to start. */
  async start(directives: string, disk: FaultyFileSystem = this.disk): Promise<void> {
    await this.#server.start(`appendfsync always\n${directives}`, disk);
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
    return this.states.get(await this.#server.digest());
  }

  /** Has a client of its own send a command that changes no data. */
  command(text: string): void {
    this.#server.send(text);
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
      await this.#server.reply(this.#peer);
      const reply = this.#peer.transport.take();
      if (reply === "" || reply.startsWith("-")) isGood = false;
      else this.acknowledged = Math.max(this.acknowledged, number);
    }
    return isGood;
  }

  pass(ms: number): Promise<void> {
    return this.#server.time.pass(ms);
  }

  /** Waits until nothing runs in the background. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 500; turn++) {
      await this.#server.time.turn();
      if (!this.#server.isBusy) return;
      await this.pass(1);
    }
    throw new Error("what runs in the background does not end");
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}
