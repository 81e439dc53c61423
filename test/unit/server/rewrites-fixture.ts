// A server whose log is rewritten on a disk in memory.

import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";
import { ServerFixture } from "./server-fixture.ts";

const COMMON = "port 0\ndir /data\nenable-debug-command yes\nenable-protected-configs yes";
export const STARTED = "+Background append only file rewriting started\r\n";
export const FOLDER = "/data/appendonlydir/";

export class Rewrites {
  readonly disk: FaultyFileSystem;
  readonly fixture: ServerFixture;
  readonly peer;

  private constructor(directives: string, disk: FaultyFileSystem) {
    this.disk = disk;
    disk.put("/data/other", Buffer.alloc(0));
    this.fixture = new ServerFixture(`${COMMON}\n${directives}`, 1, disk);
    this.peer = this.fixture.connect();
  }

  static async start(directives: string, disk = new FaultyFileSystem()): Promise<Rewrites> {
    const rewrites = new Rewrites(directives, disk);
    await rewrites.fixture.server.start();
    return rewrites;
  }

  run(...commands: string[]): string {
    return this.peer.run(...commands);
  }

  info(field: string): string {
    const lines = this.run("info persistence").split("\r\n");
    return lines.find((line) => line.startsWith(`${field}:`))?.slice(field.length + 1) ?? "?";
  }

  /** Lets what runs in the background come to its end. */
  async settle(): Promise<void> {
    const { server } = this.fixture;
    const isBusy = () => server.rewriting.isActive || server.snapshots.isSaving;
    for (let k = 0; k < 2000 && isBusy(); k++) await new Promise((go) => setTimeout(go, 1));
    for (let k = 0; k < 5; k++) await this.fixture.endTurn();
  }

  get files(): string[] {
    return this.disk.paths
      .filter((path) => path.startsWith(FOLDER))
      .map((path) => path.slice(FOLDER.length));
  }

  get manifest(): string {
    return this.disk.contentOf(`${FOLDER}appendonly.aof.manifest`).toString();
  }

  stop(): Promise<void> {
    return this.fixture.server.stop();
  }

  /** What a restart on the same disk finds. */
  async digestAgain(directives = "appendonly yes"): Promise<string> {
    const again = await Rewrites.start(directives, this.disk.killProcess());
    const digest = again.run("debug digest");
    await again.stop();
    return digest;
  }
}
