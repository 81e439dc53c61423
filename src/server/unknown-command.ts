// What is said of a command, or a subcommand, that does not exist: as much of the request as Redis
// repeats.

import { equalsToken } from "../base/ascii.ts";
import { latin1Text } from "../base/text.ts";
import type { Context } from "../commands/features.ts";

/** How much of an unknown command's arguments the error repeats. */
const ECHO_BYTES_MAX = 128;

/** The error; `container` is the command whose subcommand is not known, if it is that. */
export function unknownText(c: Context, container: string | undefined): string {
  if (container !== undefined) {
    const name = argumentText(c, 1, ECHO_BYTES_MAX);
    return `ERR unknown subcommand '${name}'. Try ${container.toUpperCase()} HELP.`;
  }
  let echoed = "";
  for (let index = 1; index < c.count && echoed.length < ECHO_BYTES_MAX; index++) {
    echoed += `'${argumentText(c, index, ECHO_BYTES_MAX - echoed.length)}' `;
  }
  const name = argumentText(c, 0, ECHO_BYTES_MAX);
  return `ERR unknown command '${name}', with args beginning with: ${echoed}`;
}

/** Whether the command is a line of an HTTP request. */
export function isHttp(c: Context): boolean {
  const [start, end] = [c.start(0), c.end(0)];
  return equalsToken(c.bytes, start, end, "post") || equalsToken(c.bytes, start, end, "host:");
}

/** An argument as errors repeat it. */
function argumentText(c: Context, index: number, max: number): string {
  const start = c.start(index);
  const text = latin1Text(c.bytes, start, Math.min(c.end(index), start + max));
  // Redis prints a C string here.
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}
