// CLIENT TRACKING and its relatives: client-side caching, as a client asks for it.

import { compareBytes, equalBytes } from "../base/ascii.ts";
import { latin1Text } from "../base/text.ts";
import type { TrackingState } from "../tracking/client-tracking.ts";
import type { Context } from "./features.ts";

/** The options of a request; prefixes are the indexes of their arguments. */
interface Request {
  redirect: number;
  isBroadcast: boolean;
  isOptIn: boolean;
  isOptOut: boolean;
  isNoLoop: boolean;
  readonly prefixes: number[];
}

const NO_PREFIX = new Uint8Array(0);

// CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST]
//   [OPTIN] [OPTOUT] [NOLOOP]
export function clientTrackingCommand(c: Context): void {
  const { client } = c;
  const { tracking } = c.server;
  const request = requestOrReply(c);
  if (request === undefined) return;
  if (c.is(2, "off")) {
    tracking.disable(client);
    return c.reply.ok();
  }
  if (!c.is(2, "on")) return c.reply.syntaxError();
  const own = stateOf(c);
  const refusal = refusalOf(request, own);
  if (refusal !== "") return c.reply.error(refusal);
  const { isBroadcast, prefixes } = request;
  if (isBroadcast && !areDistinctOrReply(c, prefixes, own?.prefixes ?? [])) return;
  const names = prefixes.length === 0 ? [NO_PREFIX] : prefixes.map((index) => c.copy(index));
  tracking.enable(client, request, names);
  c.reply.ok();
}

function stateOf(c: Context): TrackingState | undefined {
  return c.client.tracking as TrackingState | undefined;
}

/** Why options do not go together, or not with how the client is tracked already; or "". */
function refusalOf(request: Request, own: TrackingState | undefined): string {
  const { isBroadcast, isOptIn, isOptOut, prefixes } = request;
  if (!isBroadcast && prefixes.length > 0) {
    return "ERR PREFIX option requires BCAST mode to be enabled";
  }
  if (own !== undefined && own.options.isBroadcast !== isBroadcast) {
    return (
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and " +
      "then re-enabling it with a different mode."
    );
  }
  if (isBroadcast && (isOptIn || isOptOut)) {
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  }
  if (isOptIn && isOptOut) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if ((isOptIn && own?.options.isOptOut) || (isOptOut && own?.options.isOptIn)) {
    return (
      "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and " +
      "then re-enabling it with a different mode."
    );
  }
  return "";
}

function requestOrReply(c: Context): Request | undefined {
  const request: Request = {
    redirect: 0,
    isBroadcast: false,
    isOptIn: false,
    isOptOut: false,
    isNoLoop: false,
    prefixes: [],
  };
  for (let index = 3; index < c.count; index++) {
    const hasValue = index + 1 < c.count;
    if (c.is(index, "redirect") && hasValue) {
      if (!setRedirectOrReply(c, request, ++index)) return undefined;
    } else if (c.is(index, "bcast")) {
      request.isBroadcast = true;
    } else if (c.is(index, "optin")) {
      request.isOptIn = true;
    } else if (c.is(index, "optout")) {
      request.isOptOut = true;
    } else if (c.is(index, "noloop")) {
      request.isNoLoop = true;
    } else if (c.is(index, "prefix") && hasValue) {
      request.prefixes.push(++index);
    } else {
      c.reply.syntaxError();
      return undefined;
    }
  }
  return request;
}

function setRedirectOrReply(c: Context, request: Request, index: number): boolean {
  if (request.redirect !== 0) {
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
  request.redirect = Number(id);
  return true;
}

/** A prefix that is asked for, or that the client has already. */
interface Candidate {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Its place among those asked for, -1 for one that the client has. */
  readonly position: number;
}

/** Whether no prefix asked for begins with another one, nor with one that the client has. */
function areDistinctOrReply(
  c: Context,
  prefixes: readonly number[],
  own: readonly Uint8Array[],
): boolean {
  const asked = prefixes.map((index, position) => {
    return { bytes: c.bytes, start: c.start(index), end: c.end(index), position };
  });
  const had = own
    .map((bytes) => ({ bytes, start: 0, end: bytes.length, position: -1 }))
    .sort(compareCandidates);
  const first = firstOverlapping([...asked, ...had].sort(compareCandidates));
  if (first === undefined) return true;
  const overlapsFirst = (other: Candidate) => begins(first, other) || begins(other, first);
  const existing = had.find(overlapsFirst);
  const other =
    existing ?? asked.find((one) => one.position > first.position && overlapsFirst(one));
  const kind = existing === undefined ? "another provided" : "an existing";
  c.reply.error(
    `ERR Prefix '${textOf(first)}' overlaps with ${kind} prefix '${textOf(other!)}'. ` +
      "Prefixes for a single client must not overlap.",
  );
  return false;
}

function compareCandidates(left: Candidate, right: Candidate): number {
  return compareBytes(left.bytes, left.start, left.end, right.bytes, right.start, right.end);
}

/**
 * The first one asked for that overlaps with any other. Sorted, a prefix stands directly before
 * all that begins with it, so that this takes one walk, however many a client sends.
 */
function firstOverlapping(sorted: readonly Candidate[]): Candidate | undefined {
  let first: Candidate | undefined;
  const consider = (candidate: Candidate) => {
    if (candidate.position < 0) return;
    if (first === undefined || candidate.position < first.position) first = candidate;
  };
  let base: Candidate | undefined;
  for (const candidate of sorted) {
    if (base !== undefined && begins(base, candidate)) {
      consider(candidate);
      consider(base);
    } else {
      base = candidate;
    }
  }
  return first;
}

/** Whether one prefix's bytes begin another's. */
function begins(prefix: Candidate, whole: Candidate): boolean {
  const length = prefix.end - prefix.start;
  if (length > whole.end - whole.start) return false;
  return equalBytes(prefix.bytes, prefix.start, whole.bytes, whole.start, length);
}

/** As Redis prints it: up to the first zero byte. */
function textOf({ bytes, start, end }: Candidate): string {
  const text = latin1Text(bytes, start, end);
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

// CLIENT CACHING YES | NO
export function clientCachingCommand(c: Context): void {
  const state = stateOf(c);
  if (state === undefined) {
    return c.reply.error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or " +
        "OPTOUT mode enabled",
    );
  }
  const isYes = c.is(2, "yes");
  if (!isYes && !c.is(2, "no")) return c.reply.syntaxError();
  const { isOptIn, isOptOut } = state.options;
  if (isYes ? !isOptIn : !isOptOut) {
    const mode = isYes ? "OPTIN" : "OPTOUT";
    return c.reply.error(
      `ERR CLIENT CACHING ${isYes ? "YES" : "NO"} is only valid when tracking is enabled in ` +
        `${mode} mode.`,
    );
  }
  state.hasCaching = true;
  c.reply.ok();
}

// CLIENT GETREDIR
export function clientGetredirCommand(c: Context): void {
  c.reply.integer(c.client.tracking?.redirect ?? -1);
}

// CLIENT TRACKINGINFO
export function clientTrackinginfoCommand(c: Context): void {
  const state = stateOf(c);
  const flags = state === undefined ? ["off"] : flagsOf(state);
  c.reply.map(3);
  c.reply.bulkText("flags");
  c.reply.set(flags.length);
  for (const flag of flags) c.reply.bulkText(flag);
  c.reply.bulkText("redirect");
  c.reply.integer(state?.redirect ?? -1);
  c.reply.bulkText("prefixes");
  const prefixes = [...(state?.prefixes ?? [])].sort((left, right) =>
    compareBytes(left, 0, left.length, right, 0, right.length),
  );
  c.reply.array(prefixes.length);
  for (const prefix of prefixes) c.reply.bulkBytes(prefix);
}

function flagsOf({ options, hasCaching, isBroken }: TrackingState): string[] {
  const flags = ["on"];
  if (options.isBroadcast) flags.push("bcast");
  if (options.isOptIn) flags.push("optin");
  if (options.isOptIn && hasCaching) flags.push("caching-yes");
  if (options.isOptOut) flags.push("optout");
  if (options.isOptOut && hasCaching) flags.push("caching-no");
  if (options.isNoLoop) flags.push("noloop");
  if (isBroken) flags.push("broken_redirect");
  return flags;
}
