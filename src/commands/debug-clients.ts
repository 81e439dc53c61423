// DEBUG's subcommands about clients.

import type { Client } from "../command/client.ts";
import type { Context } from "./features.ts";
import { replyWrongSubcommand } from "./help.ts";

/** Sizes of clients are told by powers of two from here on, and above there no more. */
const SMALLEST_BITS = 15;
const LARGEST_BITS = 32;
const NUMBER_WIDTH = 10;

/** Clients of about the same size. */
interface Bucket {
  totalBytes: number;
  clients: number;
}

// DEBUG CLIENT-EVICTION
export function debugClientEviction(c: Context): void {
  if (c.server.config.integer("maxmemory-clients") === 0) {
    return c.reply.error("ERR maxmemory-clients is disabled.");
  }
  const buckets: Bucket[] = [];
  for (let k = SMALLEST_BITS; k <= LARGEST_BITS + 1; k++) {
    buckets.push({ totalBytes: 0, clients: 0 });
  }
  for (const client of c.server.clients) {
    if (client.mayBeEvicted) addTo(buckets, client);
  }
  c.reply.verbatim("txt", buckets.map(describe).join(""));
}

function addTo(buckets: readonly Bucket[], client: Client): void {
  const bytes = client.heldBytes;
  const bits = bytes === 0 ? 0 : Math.floor(Math.log2(bytes)) + 1;
  const index = Math.min(Math.max(bits - SMALLEST_BITS, 0), buckets.length - 1);
  buckets[index].totalBytes += bytes;
  buckets[index].clients++;
}

function describe({ totalBytes, clients }: Bucket, index: number): string {
  const first = index === 0 ? 0 : 2 ** (SMALLEST_BITS + index - 1);
  const next = 2 ** (SMALLEST_BITS + index);
  const isLast = next > 2 ** LARGEST_BITS;
  const range = isLast
    ? `${first}+`.padEnd(2 * NUMBER_WIDTH + 3)
    : `${padded(first)} - ${padded(next - 1)}`;
  return `bucket ${range}: tot-mem: ${padded(totalBytes)}, clients: ${clients}\n`;
}

function padded(value: number): string {
  return String(value).padStart(NUMBER_WIDTH);
}

// DEBUG MARK-INTERNAL-CLIENT [UNMARK]
export function debugMarkInternal(c: Context): void {
  if (c.count > 2 && !c.is(2, "unmark")) return replyWrongSubcommand(c, "DEBUG");
  // It is shown as such. There are no commands that only internal clients may call.
  c.client.isInternal = c.count === 2;
  c.reply.ok();
}

// DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER | RESET | ms
// DEBUG REPLYBUFFER RESIZING 0 | 1
export function debugReplyBuffer(c: Context): void {
  if (c.is(2, "peak-reset-time")) {
    const known = c.is(3, "never") || c.is(3, "reset") || c.int64(3) !== undefined;
    if (known) c.reply.ok();
    else c.reply.notAnInteger();
  } else if (c.is(2, "resizing")) {
    c.reply.ok();
  } else {
    replyWrongSubcommand(c, "DEBUG");
  }
}
