// The real servers that decide what is right: where they are found and how they are started.
//
// Redis 8.0 and Valkey 9.1 live in a folder of their own (a small Debian root, entered by chroot)
// or on PATH in that version; Redis 7.0 is Debian's own. MINIREDIS_PEERS names another folder.

import { copyFileSync, existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Launch, ServerProcess } from "./process.ts";

/** redis8 is the compatibility target; valkey9 decides Valkey's own commands. */
export type OracleName = "redis8" | "valkey9" | "redis7";

const PEERS = process.env.MINIREDIS_PEERS ?? "/opt/peers";

interface Candidate {
  readonly program: string;
  readonly version: RegExp;
}

const CANDIDATES: Record<OracleName, Candidate> = {
  redis8: { program: "redis-server", version: /Redis server v=8\./ },
  valkey9: { program: "valkey-server", version: /Valkey server v=9\.[1-9]/ },
  redis7: { program: "redis-server", version: /Redis server v=7\./ },
};

const found = new Map<OracleName, Launch | undefined>();

function versionOf(command: string[]): string {
  try {
    return Bun.spawnSync([...command, "--version"]).stdout.toString();
  } catch {
    return "";
  }
}

function discover(name: OracleName): Launch | undefined {
  const { program, version } = CANDIDATES[name];
  const inPeers = existsSync(join(PEERS, "usr/bin", program)) && process.getuid?.() === 0;
  const places = [
    ...(inPeers ? [{ prefix: ["chroot", PEERS, program], root: PEERS }] : []),
    ...(Bun.which(program) ? [{ prefix: [program], root: "" }] : []),
  ];
  for (const { prefix, root } of places) {
    if (!version.test(versionOf(prefix))) continue;
    return {
      command: (port, directory) => [
        ...prefix,
        ...["--port", String(port), "--dir", directory, "--save", ""],
      ],
      scratch: root ? join(root, "tmp") : tmpdir(),
      root,
    };
  }
  return undefined;
}

/** How to start an oracle, or undefined where it is not installed. */
export function findOracle(name: OracleName): Launch | undefined {
  if (!found.has(name)) found.set(name, discover(name));
  return found.get(name);
}

/**
 * Starts an oracle with further command-line arguments, on a copy of a snapshot file if one is
 * given. Throws where it is not installed.
 */
export function startOracle(
  name: OracleName,
  args: readonly string[] = [],
  snapshot?: string,
): Promise<ServerProcess> {
  const launch = findOracle(name);
  if (launch === undefined) throw new Error(`${name} is not installed`);
  const command = (port: number, directory: string) => [
    ...launch.command(port, directory),
    ...args,
  ];
  if (snapshot === undefined) return ServerProcess.start({ ...launch, command });
  const directory = mkdtempSync(join(launch.scratch, "miniredis-"));
  copyFileSync(snapshot, join(directory, "dump.rdb"));
  return ServerProcess.start({ ...launch, command, directory });
}

/** Whether a missing oracle fails the run instead of being reported as skipped. */
export const ORACLES_REQUIRED = process.env.CI === "true";
