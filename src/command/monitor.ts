// What MONITOR shows: each executed command as one line. Called only while somebody monitors.

import { latin1Bytes } from "../base/text.ts";
import type { Client } from "./client.ts";
import type { CommandContext, ServerContext } from "./context.ts";
import { REDACTED, secretArguments } from "./redaction.ts";

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [7, "\\a"],
  [8, "\\b"],
  [9, "\\t"],
  [10, "\\n"],
  [13, "\\r"],
  [34, '\\"'],
  [92, "\\\\"],
]);

/** A byte range in double quotes, everything but printable ASCII escaped. */
export function quotedBytes(bytes: Uint8Array, start: number, end: number): string {
  let text = '"';
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    const escaped = ESCAPES.get(byte);
    if (escaped !== undefined) text += escaped;
    else if (byte >= 32 && byte <= 126) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `${text}"`;
}

/**
 * The line for the command being executed, as a simple string reply:
 * `+1700000000.123456 [0 127.0.0.1:50000] "get" "key"`. `wallUs` is Unix time in microseconds;
 * `source` is the client's address, or "lua" for a command that a script runs.
 */
export function formatMonitorLine<S extends ServerContext>(
  c: CommandContext<S>,
  wallUs: number,
  source = monitorSource(c.client),
): Uint8Array {
  const seconds = Math.floor(wallUs / 1e6);
  const fraction = String(Math.floor(wallUs % 1e6)).padStart(6, "0");
  const secret = secretArguments(c);
  let line = `+${seconds}.${fraction} [${c.client.dbIndex} ${source}]`;
  for (let index = 0; index < c.count; index++) {
    line += " ";
    line += secret.has(index)
      ? `"${REDACTED}"`
      : quotedBytes(c.bytes, c.start(index), c.end(index));
  }
  return latin1Bytes(`${line}\r\n`);
}

/** Sends the line to every monitor. */
export function feedMonitors<S extends ServerContext>(
  monitors: Iterable<Client>,
  c: CommandContext<S>,
  wallUs: number,
  source?: string,
): void {
  const line = formatMonitorLine(c, wallUs, source);
  for (const monitor of monitors) monitor.channel.send(line);
}

function monitorSource(client: Client): string {
  if (!client.isUnixSocket) return client.channel.remoteAddress;
  // The path alone; the ":0" that CLIENT LIST appends stands for a port there is not.
  return `unix:${client.channel.localAddress.replace(/:0$/, "")}`;
}
