// Who a client may be. The only user is "default", whose password is the requirepass directive.

import { latin1Bytes } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import type { Context, Features } from "./features.ts";

export const DEFAULT_USER = "default";

/** Whether a user of this name exists. */
export function userExists(name: string): boolean {
  return name === DEFAULT_USER;
}

/** Whether clients of the default user need no password. */
export function needsNoPassword(server: Features): boolean {
  return server.config.byteText("requirepass") === "";
}

/**
 * Makes the client the named user if the argument at `passwordIndex` is the password; otherwise
 * sends the error and returns false.
 */
export function authenticateOrReply(c: Context, name: string, passwordIndex: number): boolean {
  const accepted = userExists(name) && (needsNoPassword(c.server) || isPassword(c, passwordIndex));
  if (!accepted) {
    c.server.statistics.accessDeniedAuth++;
    c.reply.error("WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  c.client.user = name;
  c.client.authenticated = true;
  return true;
}

/** Makes the client what a new connection is. */
export function resetAuthentication(client: Client, server: Features): void {
  client.user = DEFAULT_USER;
  client.authenticated = needsNoPassword(server);
}

/** Compares in a time that does not depend on where the bytes differ. */
function isPassword(c: Context, index: number): boolean {
  const expected = latin1Bytes(c.server.config.byteText("requirepass"));
  const start = c.start(index);
  let difference = expected.length ^ c.length(index);
  for (let k = 0; k < expected.length; k++) {
    difference |= expected[k] ^ (c.bytes[start + k] ?? 0);
  }
  return difference === 0;
}
