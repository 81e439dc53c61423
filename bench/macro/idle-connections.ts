// What idle connections cost: `bun bench/macro/idle-connections.ts [--n 10000] [options]`
// (the shared options are at the head of bench/harness/options.ts).
//
// Opens N connections and looks at the server's resident memory, has each send one PING, and looks
// again. The figure is the growth per connection, without what the kernel holds for a socket. The
// limit of open files must be above N by a few dozen, for the server and this program alike.

import type { Socket } from "bun";
import { readOptions } from "../harness/options.ts";
import { type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  residentBytes,
  startContender,
  versionOf,
} from "../harness/servers.ts";

const options = readOptions({ n: "10000" });
const COUNT = options.number("n");
/** Connections opened at a time: fewer than a listener's backlog. */
const BATCH = 100;
const SETTLE_MS = 2000;
const DEADLINE_MS = 30_000;

/** Connections that count the PONGs they get all together. */
class Crowd {
  readonly sockets: Socket[] = [];
  pongs = 0;
  lost = 0;

  async open(port: number): Promise<void> {
    const handlers = {
      data: () => {
        this.pongs++;
      },
      close: () => {
        this.lost++;
      },
    };
    while (this.sockets.length < COUNT) {
      const size = Math.min(BATCH, COUNT - this.sockets.length);
      const opened = Array.from({ length: size }, () =>
        Bun.connect({ hostname: "127.0.0.1", port, socket: handlers }),
      );
      this.sockets.push(...(await Promise.all(opened)));
    }
  }

  async ping(): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    for (const socket of this.sockets) socket.write("*1\r\n$4\r\nPING\r\n");
    while (this.pongs < COUNT) {
      if (this.lost > 0) throw new Error(`the server closed ${this.lost} connections`);
      if (performance.now() > deadline) throw new Error(`only ${this.pongs} PONGs`);
      await Bun.sleep(20);
    }
  }

  close(): void {
    for (const socket of this.sockets) socket.end();
  }
}

async function measure(contender: Contender): Promise<Row> {
  await using server = await startContender(contender, "--maxclients", String(COUNT + 100));
  const version = await versionOf(server);
  await Bun.sleep(SETTLE_MS);
  const empty = residentBytes(server.pid);
  const crowd = new Crowd();
  await crowd.open(server.port);
  await Bun.sleep(SETTLE_MS);
  const opened = residentBytes(server.pid);
  await crowd.ping();
  await Bun.sleep(SETTLE_MS);
  const used = residentBytes(server.pid);
  crowd.close();
  await Bun.sleep(SETTLE_MS);
  const closed = residentBytes(server.pid);
  const perConnection = (bytes: number) => rounded((bytes - empty) / COUNT / 1024, 2);
  return {
    server: version,
    connections: COUNT,
    "opened KiB each": perConnection(opened),
    "after a PING KiB each": perConnection(used),
    "after closing KiB each": perConnection(closed),
  };
}

leaveServersAlone();
const rows: Row[] = [];
for (const contender of contenders(options)) {
  rows.push(await measure(contender));
  console.log(JSON.stringify(rows.at(-1)));
}
await report("Resident memory per idle connection", rows, options);
