// Our own server as tests run it: from source, in a process of its own.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Launch, ServerProcess } from "./process.ts";

/** The project's root folder. */
export const PROJECT = join(import.meta.dir, "..", "..");

/** How tests vary the server. */
export interface ServerOptions {
  /** Further command-line arguments, such as "--requirepass", "secret". */
  readonly args?: readonly string[];
  /** Uses this directory and keeps it afterwards. */
  readonly directory?: string;
  readonly environment?: Record<string, string>;
  /** A program that becomes the server, with its arguments: "prlimit", "--nofile=64". */
  readonly prefix?: readonly string[];
}

function launchOf(options: ServerOptions): Launch {
  return {
    command: (port, directory) => [
      ...(options.prefix ?? []),
      process.execPath,
      "run",
      "src/main.ts",
      "--port",
      String(port),
      "--dir",
      directory,
      "--save",
      "",
      ...(options.args ?? []),
    ],
    scratch: tmpdir(),
    cwd: PROJECT,
    directory: options.directory,
    environment: { MINIREDIS_VERIFY: "1", ...options.environment },
  };
}

/** Starts our server from source and waits until it accepts connections. */
export function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  return ServerProcess.start(launchOf(options));
}

/** Starts our server without waiting, for tests of how it refuses to start. */
export function launchServer(options: ServerOptions = {}): ServerProcess {
  return ServerProcess.launch(launchOf(options));
}
