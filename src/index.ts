// The embeddable server: `await using server = await createServer()`.

import { systemClock } from "./base/clock.ts";
import { silentLogger } from "./base/log.ts";
import { systemRandom, Xoshiro } from "./base/random.ts";
import { latin1Text, utf8Bytes } from "./base/text.ts";
import { quoted } from "./base/words.ts";
import { Config } from "./config/config.ts";
import { loadConfig } from "./config/file.ts";
import { diskFileSystem } from "./persistence/file.ts";
import { diskConfigFiles } from "./server/disk-config-files.ts";
import { ANY_PORT } from "./server/listeners.ts";
import { Server, type ServerParts } from "./server/server.ts";
import { bunSockets } from "./server/sockets.ts";

export { type Clock, ManualClock } from "./base/clock.ts";
export type { Logger } from "./base/log.ts";
export type { Random } from "./base/random.ts";
export { FatalConfigError } from "./config/file.ts";
export type { FileSystem } from "./persistence/file-system.ts";
export { LoadError } from "./persistence/load-error.ts";
export { ListenError } from "./server/listeners.ts";
export type { SocketLayer } from "./server/sockets.ts";

/** Directives by name, as in a configuration file: `{ port: 6379, appendonly: "yes" }`. */
export type Directives = Readonly<Record<string, string | number | readonly string[]>>;

/** What may be put in place of the real world, for tests. */
export type Replacements = Partial<
  Pick<ServerParts, "clock" | "random" | "secrets" | "logger" | "fileSystem" | "sockets">
>;

/** A running server. */
export interface RunningServer extends AsyncDisposable {
  /** The TCP port it listens on; 0 where the directives ask for none. */
  readonly port: number;
  /** "redis://127.0.0.1:port" */
  readonly url: string;
  /**
   * Ends the server and closes its connections; everything that the AOF or the save points were to
   * keep is then on the disk. Leaving the scope of an `await using` does the same.
   */
  stop(): Promise<void>;
}

/** Unless asked for, nothing is kept, and nothing that happens to lie about is loaded. */
const EMBEDDED: Directives = { bind: "127.0.0.1", save: "", dbfilename: "" };

/**
 * Starts a server in this process. Without a port it listens on a free one of the loopback
 * interface; without `appendonly`, or `save` and `dbfilename`, it keeps nothing. Throws
 * FatalConfigError for a directive that is not known or has a wrong value, ListenError when the
 * address is taken, and LoadError when what is on the disk cannot be loaded.
 */
export async function createServer(
  directives: Directives = {},
  replacements: Replacements = {},
): Promise<RunningServer> {
  const config = new Config(diskConfigFiles(process.cwd()));
  const merged: Directives = { ...EMBEDDED, ...directives };
  const lines = Object.entries(merged).map(([name, value]) => {
    const words = Array.isArray(value) ? value : String(value).split(" ");
    return [name, ...words.map((word) => quoted(latin1Text(utf8Bytes(String(word)))))].join(" ");
  });
  loadConfig(config, lines.join("\n"));
  const server = new Server({
    config,
    clock: systemClock,
    random: new Xoshiro(systemRandom.uint32()),
    secrets: systemRandom,
    logger: silentLogger,
    fileSystem: diskFileSystem,
    sockets: bunSockets,
    announce: () => {},
    ...replacements,
    ...(directives.port === undefined ? { port: ANY_PORT } : {}),
  });
  server.onShutdown = () => server.stop();
  await server.start();
  const stop = (): Promise<void> => {
    // With save points, ending saves, as it does in the program.
    server.ending.save({ save: "default", now: false, force: true });
    return server.stop();
  };
  return {
    port: server.listeningPort,
    url: `redis://127.0.0.1:${server.listeningPort}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
