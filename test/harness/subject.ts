// The server that the libraries in test/client talk to: ours, or with MINIREDIS_OURS=redis8 (or
// redis7, valkey9) a real one in its place, which shows whether a test asks for what is true of
// Redis.

import { type OracleName, startOracle } from "./oracle.ts";
import type { ServerProcess } from "./process.ts";
import { startServer } from "./server.ts";

/** Starts the server that the clients of a test connect to. */
export function startSubject(args: readonly string[] = []): Promise<ServerProcess> {
  const stand = process.env.MINIREDIS_OURS as OracleName | undefined;
  return stand === undefined ? startServer({ args }) : startOracle(stand, args);
}
