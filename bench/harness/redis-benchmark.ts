// Runs redis-benchmark, the load generator that all servers are compared under.

/** One load. */
export interface Load {
  readonly port: number;
  /** A test of redis-benchmark, such as "set" or "lrange_300". */
  readonly test: string;
  /** A command to send in place of a test; __rand_int__ in it is a random number of 12 digits. */
  readonly command?: readonly string[];
  readonly requests: number;
  /** Requests that a client sends before it waits for replies. */
  readonly depth: number;
  readonly clients: number;
  readonly valueBytes: number;
  /** Number of different random keys. */
  readonly keys: number;
}

/** What redis-benchmark saw. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
}

const DEADLINE_MS = 120_000;

/** Throws unless redis-benchmark is installed. */
export function requireRedisBenchmark(): void {
  if (Bun.which("redis-benchmark") === null) {
    throw new Error("this benchmark needs redis-benchmark (Debian: redis-tools) on PATH");
  }
}

/** Runs a load; undefined where the server does not know the command. Ends after two minutes. */
export async function runLoad(load: Load): Promise<LoadResult | undefined> {
  const child = Bun.spawn(
    [
      "redis-benchmark",
      ...["-p", String(load.port), "-n", String(load.requests)],
      ...["-P", String(load.depth), "-c", String(load.clients), "-d", String(load.valueBytes)],
      ...["-r", String(load.keys), "--csv"],
      ...(load.command ?? ["-t", load.test]),
    ],
    { stdio: ["ignore", "pipe", "pipe"], timeout: DEADLINE_MS },
  );
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  if (child.signalCode !== null) throw new Error(`redis-benchmark ${load.test} took too long`);
  if (/Error from server/.test(output + errors)) return undefined;
  const rows = output.split("\n").filter((line) => /^"(?!test")/.test(line));
  // The LRANGE tests first print a row for filling the list.
  const cells = rows.at(-1)?.replaceAll('"', "").split(",");
  if (cells === undefined) throw new Error(`redis-benchmark ${load.test} failed: ${errors}`);
  return { requestsPerSecond: Number(cells.at(-7)), p99Ms: Number(cells.at(-2)) };
}
