// In tests: whether commands touch no key but those that their entries tell. What ACL checks and
// what routes a command to a hash slot rests on that.
//
// While a command runs, every key that a database looks up must be among those extracted from its
// arguments, and a record that changes among those that it may write. What a command calls (EXEC's,
// a script's) is held to its own arguments. What is expired or evicted in passing is no change, and
// neither are fields that have expired: whoever reads a hash removes them.

import { assert, VERIFY } from "../base/assert.ts";
import { latin1Text } from "../base/text.ts";
import type { ChangeFollower } from "../keyspace/changes.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace, LookupObserver } from "../keyspace/keyspace.ts";
import { HASH, RecordView } from "../structures/record.ts";
import type { CommandContext, ServerContext } from "./context.ts";
import { findTouchedKeys, KeyList } from "./key-extraction.ts";
import type { Command } from "./registry.ts";
import { type CommandSpec, KEEPS_WATCHES, RO } from "./spec.ts";

/**
 * Commands that look up keys which none of their arguments is: what the patterns of SORT lead to,
 * for which it asks whether its user may read all keys, and what watching clients remember.
 */
const READING_ANY: ReadonlySet<string> = new Set([
  ...["sort", "sort_ro"],
  ...["exec", "flushall", "flushdb", "swapdb"],
]);

/** For administrators: it makes and looks at keys without asking. */
const READING_AND_WRITING_ANY: ReadonlySet<string> = new Set(["debug"]);

/** A command that is running. */
interface Frame {
  readonly name: string;
  readonly readsAny: boolean;
  readonly writesAny: boolean;
  /** It changes what it reads. */
  readonly writesRead: boolean;
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
    const writesAny = READING_AND_WRITING_ANY.has(name);
    const readsAny = writesAny || READING_ANY.has(name);
    // The state of a stream's groups belongs to those who may read it.
    const writesRead = (command.flags & KEEPS_WATCHES) !== 0;
    this.#frames.push({ name, readsAny, writesAny, writesRead, keys, written });
  }

  /** It has ended. */
  leave(): void {
    this.#frames.pop();
  }

  lookedUp(db: Database, bytes: Uint8Array, start: number, end: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.readsAny || db.index < 0) return;
    const isKnown = frame.keys.has(latin1Text(bytes, start, end));
    assert(isKnown, `${frame.name} looks up no key but its own`);
  }

  beforeWrite(db: Database, ref: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.writesAny || db.index < 0) return;
    const view = this.#view;
    view.load(ref, 0);
    const key = latin1Text(view.bytes, view.keyStart, view.keyEnd);
    const losesFields = view.type === HASH;
    const isKnown =
      frame.written.has(key) ||
      (frame.writesRead && frame.keys.has(key)) ||
      (losesFields && (frame.readsAny || frame.keys.has(key)));
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
