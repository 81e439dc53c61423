// The servers that macro benchmarks compare: ours from source, and the real ones that are installed
// or named on the command line. Servers run on the first processor and whatever loads them on the
// second, where there are two. Every server listens on the loopback interface only, on a free port,
// and is ended by its own pid.

import { readFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { findOracle, type OracleName } from "../../test/harness/oracle.ts";
import { type Launch, ServerProcess } from "../../test/harness/process.ts";
import { PROJECT } from "../../test/harness/server.ts";
import type { CommonOptions } from "./options.ts";

/** The name our own server goes by. */
export const OURS = "miniredis";

const PEERS: readonly OracleName[] = ["redis7", "redis8", "valkey9"];
const CLOCK_TICKS_PER_SECOND = 100;

const CAN_PIN = availableParallelism() > 1 && Bun.which("taskset") !== null;

/** A server that takes part. */
export interface Contender {
  readonly name: string;
  readonly launch: Launch;
}

/** A shell command with {port} and {dir} in it. */
function launchOf(command: string): Launch {
  return {
    command: (port, directory) => {
      const filled = command.replaceAll("{port}", String(port)).replaceAll("{dir}", directory);
      return ["sh", "-c", `exec ${filled} "$@"`, "server"];
    },
    scratch: tmpdir(),
    cwd: PROJECT,
  };
}

/** A launch of our server: a program and its arguments in front of the usual directives. */
export function launchOurs(program: readonly string[]): Launch {
  return {
    command: (port, directory) => [
      ...program,
      ...["--port", String(port), "--dir", directory, "--save", ""],
    ],
    scratch: tmpdir(),
    cwd: PROJECT,
  };
}

/** How our server is started from source. */
export const FROM_SOURCE: readonly string[] = [process.execPath, join(PROJECT, "src/main.ts")];

/** Everybody who takes part, ours first. */
export function contenders(options: CommonOptions): Contender[] {
  const ours = options.ours === undefined ? launchOurs(FROM_SOURCE) : launchOf(options.ours);
  const all: Contender[] = [{ name: OURS, launch: ours }];
  if (options.onlyOurs) return all;
  for (const [name, command] of options.peers) all.push({ name, launch: launchOf(command) });
  if (options.peers.size > 0) return all;
  for (const name of PEERS) {
    const launch = findOracle(name);
    if (launch !== undefined) all.push({ name, launch });
  }
  return all;
}

/** The command prefix that keeps a program on one processor, where there are several. */
export function pinnedTo(processor: number): string[] {
  return CAN_PIN ? ["taskset", "-c", String(processor)] : [];
}

/** Moves this process, and all that it starts unpinned, off the servers' processor. */
export function leaveServersAlone(): void {
  if (CAN_PIN) Bun.spawnSync(["taskset", "-a", "-p", "-c", "1", String(process.pid)]);
}

/** Starts a server on the first processor, with further directives as command-line arguments. */
export function startContender(
  { launch }: Contender,
  ...directives: readonly string[]
): Promise<ServerProcess> {
  return ServerProcess.start({
    ...launch,
    command: (port, directory) => [
      ...pinnedTo(0),
      ...launch.command(port, directory),
      ...["--bind", "127.0.0.1"],
      ...directives,
    ],
  });
}

/** What INFO says a server is, such as "Valkey 9.1.2". */
export async function versionOf(server: ServerProcess): Promise<string> {
  await using client = await server.connect();
  const text = String(await client.run("INFO", "server"));
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(text)?.[1];
  const ours = field("miniredis_version");
  if (ours !== undefined) return `miniredis ${ours} (Bun ${Bun.version})`;
  const valkey = field("valkey_version");
  return valkey === undefined ? `Redis ${field("redis_version")}` : `Valkey ${valkey}`;
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number {
  return memoryOf(pid, "VmRSS");
}

/** The most resident memory that a process has had, bytes. */
export function peakBytes(pid: number): number {
  return memoryOf(pid, "VmHWM");
}

function memoryOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} is gone`);
  return Number(kilobytes) * 1024;
}

/** Processor time that a process has used, in user and kernel mode, seconds. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is the name in parentheses, which may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}
