// CLIENT TRACKING and its relatives. Invalidation messages are not sent, so tracking can be turned
// off but not on; what is wrong with a request is said all the same.

import { compareBytes } from "../base/ascii.ts";
import type { Context } from "./features.ts";

interface TrackingOptions {
  redirect: number;
  bcast: boolean;
  optin: boolean;
  optout: boolean;
  /** Argument indexes of the prefixes. */
  prefixes: number[];
}

// CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST]
//   [OPTIN] [OPTOUT] [NOLOOP]
export function clientTrackingCommand(c: Context): void {
  const options = optionsOrReply(c);
  if (options === undefined) return;
  if (c.is(2, "off")) return c.reply.ok();
  if (!c.is(2, "on")) return c.reply.syntaxError();
  if (!options.bcast && options.prefixes.length > 0) {
    return c.reply.error("ERR PREFIX option requires BCAST mode to be enabled");
  }
  if (options.bcast && (options.optin || options.optout)) {
    return c.reply.error("ERR OPTIN and OPTOUT are not compatible with BCAST");
  }
  if (options.optin && options.optout) {
    return c.reply.error("ERR You can't specify both OPTIN mode and OPTOUT mode");
  }
  const overlap = overlappingPrefixes(c, options.prefixes);
  if (overlap !== undefined) {
    const [first, second] = overlap;
    return c.reply.error(
      `ERR Prefix '${c.latin1(first)}' overlaps with another provided prefix ` +
        `'${c.latin1(second)}'. Prefixes for a single client must not overlap.`,
    );
  }
  c.reply.error("ERR client-side caching is not supported by this server");
}

function optionsOrReply(c: Context): TrackingOptions | undefined {
  const options: TrackingOptions = {
    redirect: 0,
    bcast: false,
    optin: false,
    optout: false,
    prefixes: [],
  };
  for (let index = 3; index < c.count; index++) {
    const hasValue = index + 1 < c.count;
    if (c.is(index, "redirect") && hasValue) {
      if (!setRedirectOrReply(c, options, ++index)) return undefined;
    } else if (c.is(index, "prefix") && hasValue) {
      options.prefixes.push(++index);
    } else if (c.is(index, "bcast")) {
      options.bcast = true;
    } else if (c.is(index, "optin")) {
      options.optin = true;
    } else if (c.is(index, "optout")) {
      options.optout = true;
    } else if (!c.is(index, "noloop")) {
      c.reply.syntaxError();
      return undefined;
    }
  }
  return options;
}

function setRedirectOrReply(c: Context, options: TrackingOptions, index: number): boolean {
  if (options.redirect !== 0) {
    c.reply.error("ERR A client can only redirect to a single other client");
    return false;
  }
  const id = c.int64(index);
  if (id === undefined) {
    c.reply.notAnInteger();
    return false;
  }
  // The other client need not stay, but it must be there now.
  if (c.server.clients.get(Number(id)) === undefined) {
    c.reply.error("ERR The client ID you want redirect to does not exist");
    return false;
  }
  options.redirect = Number(id);
  return true;
}

/**
 * The first two prefixes of which one begins with the other. Sorted, a prefix stands directly
 * before what it begins, so this takes n log n steps whatever a client sends.
 */
function overlappingPrefixes(c: Context, prefixes: number[]): [number, number] | undefined {
  const sorted = [...prefixes].sort((left, right) =>
    compareBytes(c.bytes, c.start(left), c.end(left), c.bytes, c.start(right), c.end(right)),
  );
  let first = Number.POSITIVE_INFINITY;
  let base = -1;
  for (const index of sorted) {
    if (base >= 0 && begins(c, base, index)) first = Math.min(first, base, index);
    else base = index;
  }
  if (first === Number.POSITIVE_INFINITY) return undefined;
  const second = prefixes.find(
    (index) => index > first && (begins(c, first, index) || begins(c, index, first)),
  );
  return second === undefined ? undefined : [first, second];
}

/** Whether one argument's bytes begin with another's. */
function begins(c: Context, prefix: number, whole: number): boolean {
  const length = c.length(prefix);
  if (length > c.length(whole)) return false;
  const start = c.start(prefix);
  const other = c.start(whole);
  for (let k = 0; k < length; k++) {
    if (c.bytes[start + k] !== c.bytes[other + k]) return false;
  }
  return true;
}

// CLIENT CACHING YES | NO
export function clientCachingCommand(c: Context): void {
  c.reply.error(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or " +
      "OPTOUT mode enabled",
  );
}

// CLIENT GETREDIR
export function clientGetredirCommand(c: Context): void {
  c.reply.integer(c.client.trackingRedirect);
}

// CLIENT TRACKINGINFO
export function clientTrackinginfoCommand(c: Context): void {
  c.reply.map(3);
  c.reply.bulkText("flags");
  c.reply.set(1);
  c.reply.bulkText("off");
  c.reply.bulkText("redirect");
  c.reply.integer(c.client.trackingRedirect);
  c.reply.bulkText("prefixes");
  c.reply.array(0);
}
