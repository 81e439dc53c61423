// In tests: whether commands touch no key but those that their entries tell. What ACL checks and
// what routes a command to a hash slot rests on that.
//
// While a command runs, every key that a database looks up must be among those extracted from its
// arguments, and a record that changes among those that it may write. What a command calls (EXEC's,
// a script's) is held to its own arguments. Keys that no argument names are excused: what SORT's
// patterns lead to, what KEYS and SCAN walk over, what watching clients remember, what is expired
// or evicted in passing.

import { assert, VERIFY } from "../base/assert.ts";
import { latin1Text } from "../base/text.ts";
import type { ChangeFollower } from "../keyspace/changes.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace, LookupObserver } from "../keyspace/keyspace.ts";
import { RecordView } from "../structures/record.ts";
import type { CommandContext, ServerContext } from "./context.ts";
import { findTouchedKeys, KeyList } from "./key-extraction.ts";
import type { Command } from "./registry.ts";
import { type CommandSpec, KEEPS_WATCHES, RO } from "./spec.ts";

/** Commands that look up keys which none of their arguments is. */
const EXCUSED: ReadonlySet<string> = new Set([
  ...["sort", "sort_ro", "keys", "scan", "randomkey", "exec", "discard", "unwatch", "reset"],
  ...["debug", "flushall", "flushdb", "swapdb", "client", "hello", "quit", "multi"],
]);

/** A command that is running. */
interface Frame {
  readonly name: string;
  readonly isExcused: boolean;
  readonly mayWriteAny: boolean;
  readonly keys: ReadonlySet<string>;
  readonly written: ReadonlySet<string>;
}

/** Watches the commands of one keyspace. */
export class KeyAudit implements LookupObserver, ChangeFollower {
  readonly #frames: Frame[] = [];
  readonly #view: RecordView;

  constructor(keyspace: Keyspace) {
    this.#view = new RecordView(keyspace.pool);
    keyspace.audit = this;
    keyspace.follow(this);
  }

  /** A command begins. */
  enter(c: CommandContext<ServerContext>, command: Command<never>): void {
    const list = new KeyList();
    const keys = new Set<string>();
    const written = new Set<string>();
    if (command.acceptsCount(c.count)) findTouchedKeys(command, c, 0, c.count, list);
    for (let k = 0; k < list.count; k++) {
      const key = c.latin1(list.indexes[k]);
      keys.add(key);
      const flags = list.flags[k];
      // Where a count of keys is wrong, nothing is known of them.
      if (flags === 0 || (flags & RO) === 0) written.add(key);
    }
    const name = command.fullName;
    const isExcused = EXCUSED.has(name.split("|")[0]);
    // The state of a stream's groups belongs to those who may read it, and whoever reads a hash
    // removes its expired fields.
    const mayWriteAny = (command.flags & KEEPS_WATCHES) !== 0 || command.group === "hash";
    this.#frames.push({ name, isExcused, mayWriteAny, keys, written });
  }

  /** It has ended. */
  leave(): void {
    this.#frames.pop();
  }

  lookedUp(db: Database, bytes: Uint8Array, start: number, end: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.isExcused || db.index < 0) return;
    const isKnown = frame.keys.has(latin1Text(bytes, start, end));
    assert(isKnown, `${frame.name} looks up no key but its own`);
  }

  beforeWrite(db: Database, ref: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.isExcused || db.index < 0) return;
    if (frame.mayWriteAny) return;
    const view = this.#view;
    view.load(ref, 0);
    const isKnown = frame.written.has(latin1Text(view.bytes, view.keyStart, view.keyEnd));
    assert(isKnown, `${frame.name} changes no key but those that it says it writes`);
  }

  afterCreate(db: Database, ref: number): void {
    this.beforeWrite(db, ref);
  }

  beforeLoss(): void {}
  beforeClear(): void {}
  beforeSwap(): void {}
  settle(): void {}
}

/** A handler that is watched where its keyspace is. */
export function audited<S extends ServerContext>(
  command: Command<S>,
  run: CommandSpec<S>["run"],
): CommandSpec<S>["run"] {
  if (run === undefined) return undefined;
  return (c) => {
    // Handlers are tested on their own, too, without a keyspace.
    const keyspace = c.server.keyspace as Keyspace | undefined;
    const audit = keyspace?.audit as KeyAudit | null | undefined;
    if (audit === null || audit === undefined) return run(c);
    audit.enter(c, command as unknown as Command<never>);
    try {
      run(c);
    } finally {
      audit.leave();
    }
  };
}

/** Watches the commands of a keyspace, if this is a test. */
export function auditKeys(keyspace: Keyspace): void {
  if (VERIFY) new KeyAudit(keyspace);
}
