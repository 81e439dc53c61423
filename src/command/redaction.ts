// Which arguments of a command are secrets and never shown by MONITOR and the command logs. Cold.

import type { CommandContext, ServerContext } from "./context.ts";

/** What takes a secret argument's place. */
export const REDACTED = "(redacted)";

/** Directives whose value is a secret. */
const SECRET_DIRECTIVES: ReadonlySet<string> = new Set([
  "requirepass",
  "masterauth",
  "primaryauth",
  "masteruser",
  "primaryuser",
  "tls-key-file-pass",
  "tls-client-key-file-pass",
]);

/** The indexes of a command's secret arguments; most commands have none. */
export function secretArguments<S extends ServerContext>(
  c: CommandContext<S>,
): ReadonlySet<number> {
  const secret = new Set<number>();
  if (c.is(0, "auth")) {
    for (let index = 1; index < c.count; index++) secret.add(index);
  } else if (c.is(0, "hello")) {
    afterToken(c, 2, "auth", 2, secret);
  } else if (c.is(0, "migrate")) {
    afterToken(c, 6, "auth", 1, secret);
    afterToken(c, 6, "auth2", 2, secret);
  } else if (c.is(0, "config") && c.count > 1 && c.is(1, "set")) {
    for (let index = 2; index + 1 < c.count; index += 2) {
      if (SECRET_DIRECTIVES.has(c.latin1(index).toLowerCase())) secret.add(index + 1);
    }
  } else if (c.is(0, "acl") && c.count > 1 && namesUsers(c)) {
    for (let index = 2; index < c.count; index++) secret.add(index);
  }
  return secret;
}

/** Names of users are no less secret than their passwords. */
function namesUsers<S extends ServerContext>(c: CommandContext<S>): boolean {
  return c.is(1, "setuser") || c.is(1, "getuser") || c.is(1, "deluser");
}

/** Marks the `count` arguments that follow a token. */
function afterToken<S extends ServerContext>(
  c: CommandContext<S>,
  from: number,
  token: string,
  count: number,
  secret: Set<number>,
): void {
  for (let index = from; index < c.count; index++) {
    if (!c.is(index, token)) continue;
    for (let k = 1; k <= count && index + k < c.count; k++) secret.add(index + k);
    return;
  }
}
