// A whole server on a disk in memory, in virtual time, and a model of its data: a second one that
// runs the same commands and has neither log nor disk. What simulations of crashes have in common.

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
stop-writes-on-bgsave-error no`;

/** What a reading of the clock takes while a server runs, so that slices come to their end. */
const TICK_US = 40;
/** Time in which a reply must come. */
const PATIENCE_MS = 2000;
const STEP_MS = 10;

/** One server after the other, on one disk or several. */
export class SimulatedServer implements Disposable {
  readonly clock = new TickingClock(START_MS);
  readonly time = new VirtualTime(this.clock);
  fixture!: ServerFixture;

  [Symbol.dispose](): void {
    this.time[Symbol.dispose]();
  }

  /** Rejects where the server refuses to start; the former one's timers are forgotten. */
  async start(directives: string, disk: FaultyFileSystem, seed = 1): Promise<void> {
    this.time.forget();
    this.fixture = new ServerFixture(`${COMMON}\n${directives}`, seed, disk, this.clock);
    this.clock.tickUs = 0;
    await this.time.until(this.fixture.server.start());
    this.clock.tickUs = TICK_US;
  }

  /** Whether a rewrite or save is under way in the background. */
  get isBusy(): boolean {
    const { rewriting, snapshots } = this.fixture.server;
    return rewriting.isActive || snapshots.isSaving;
  }

  /** Has a client of its own send a command; its reply may have to wait for the disk. */
  send(command: string): void {
    this.fixture.connect().send(request(command));
  }

  /** What tells apart the states of the data. */
  async digest(): Promise<string> {
    const peer = this.fixture.connect();
    peer.send(request("debug digest"));
    await this.reply(peer);
    return peer.transport.take();
  }

  /** Waits until a peer has been sent something or dropped, but not for ever. */
  async reply({ transport }: Peer): Promise<void> {
    for (let ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
      await this.time.turn();
      if (transport.length > 0 || transport.isClosed) return;
      await this.time.pass(STEP_MS);
    }
  }

  async stop(): Promise<void> {
    await this.time.until(this.fixture.server.stop());
    this.time.forget();
  }
}

/** Data without a log, for the commands that a server has executed. */
export function modelPeer(): Peer {
  return new ServerFixture(COMMON).connect();
}
