// ACL LOG: what was denied, newest first. The same denial again within a minute counts up the entry
// it has, which comes first then.

import {
  DENIED_AUTH,
  DENIED_CHANNEL,
  DENIED_COMMAND,
  DENIED_KEY,
  type Denial,
} from "./permission-check.ts";

export type AccessContext = "toplevel" | "multi" | "lua";

/** What was denied, to whom. Texts hold one character per byte. */
export interface DeniedAccess {
  readonly denial: Denial;
  readonly context: AccessContext;
  /** The command, key or channel that the client may not use. */
  readonly object: string;
  readonly user: string;
  /** The client as CLIENT INFO shows it. */
  readonly clientInfo: string;
}

/** One entry of the log. */
export interface AccessEntry extends DeniedAccess {
  clientInfo: string;
  count: number;
  readonly id: number;
  readonly createdMs: number;
  updatedMs: number;
}

export const DENIAL_NAMES = {
  [DENIED_COMMAND]: "command",
  [DENIED_KEY]: "key",
  [DENIED_AUTH]: "auth",
  [DENIED_CHANNEL]: "channel",
};

/** How long, and among how many of the newest entries, the same denial joins its former ones. */
const JOINED_MS = 60_000;
const JOINED_ENTRIES = 10;

/** One server's log. */
export class AccessLog {
  /** Newest first. */
  readonly entries: AccessEntry[] = [];
  #nextId = 0;

  /** Adds a denial; no more than `lengthMax` entries are kept. */
  add(access: DeniedAccess, nowMs: number, lengthMax: number): void {
    const at = this.entries.findIndex(
      (entry, k) => k < JOINED_ENTRIES && isSame(entry, access) && near(nowMs, entry.updatedMs),
    );
    if (at >= 0) {
      const [entry] = this.entries.splice(at, 1);
      entry.count++;
      entry.clientInfo = access.clientInfo;
      entry.updatedMs = nowMs;
      this.entries.unshift(entry);
      return;
    }
    const id = this.#nextId++;
    this.entries.unshift({ ...access, count: 1, id, createdMs: nowMs, updatedMs: nowMs });
    if (this.entries.length > lengthMax) this.entries.length = lengthMax;
  }

  /** Forgets every entry; identifiers go on. */
  clear(): void {
    this.entries.length = 0;
  }
}

function near(nowMs: number, thenMs: number): boolean {
  return nowMs - thenMs <= JOINED_MS;
}

function isSame(left: DeniedAccess, right: DeniedAccess): boolean {
  return (
    left.denial === right.denial &&
    left.context === right.context &&
    left.object === right.object &&
    left.user === right.user
  );
}
