// hot path: no allocation per command
//
// What is known of a batch's commands before the first of them runs: which commands they are, the
// hashes of their first keys, and the records under those.
//
// Every command is looked up and every first key hashed in one loop, every home cell touched in a
// second, cells searched in a third, and every record's header loaded in a fourth. The processor
// overlaps those cache misses, which one command after the other would each wait for.

import { equalBytes } from "../base/ascii.ts";
import type { QueuedRequests } from "../command/executor.ts";
import type { Command, CommandRegistry } from "../command/registry.ts";
import type { Features } from "../commands/features.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { CellTable } from "../memory/cell-table.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF } from "../memory/pool.ts";
import { BATCH_MAX, type Decoder } from "../resp/decoder.ts";
import type { MemberIndex } from "../structures/container.ts";
import { CONTAINER, handleIn } from "../structures/record.ts";

/** How many of the commands of a transaction are looked ahead at together. */
export const QUEUED_AHEAD_MAX = 64;

/** Looks ahead at the commands of one server's batches. */
export class Prefetch {
  readonly #registry: CommandRegistry<Features>;
  readonly #keyspace: Keyspace;

  // The batch in progress.
  readonly commands: (Command<Features> | undefined)[] = new Array(BATCH_MAX).fill(undefined);
  readonly hashes = new Int32Array(BATCH_MAX);
  /** First record under each hash, as of `version` of the table; not for a batch of one command. */
  readonly refs = new Uint32Array(BATCH_MAX);
  version = -1;
  /** Members that commands look up in large values: the index they are in, hashes, refs. */
  readonly #members: (MemberIndex | undefined)[] = new Array(BATCH_MAX).fill(undefined);
  readonly #memberHashes = new Int32Array(BATCH_MAX);
  readonly #memberRefs = new Uint32Array(BATCH_MAX);
  /** As `refs` and `version`, for the commands of a transaction that is being run. */
  readonly queuedRefs = new Uint32Array(QUEUED_AHEAD_MAX);
  queuedVersion = -1;
  /** Keeps the loads from being optimised away. */
  #sink = 0;

  constructor(registry: CommandRegistry<Features>, keyspace: Keyspace) {
    this.#registry = registry;
    this.#keyspace = keyspace;
  }

  /** Looks up the commands of a batch, hashes their first keys and loads what those lead to. */
  load(db: Database, bytes: Uint8Array, decoder: Decoder, first: number): void {
    const count = decoder.commandCount;
    const registry = this.#registry;
    const keyspace = this.#keyspace;
    const starts = decoder.starts;
    const ends = decoder.ends;
    let nameStart = 0;
    let nameLength = -1;
    let command: Command<Features> | undefined;
    let hasMembers = false;
    for (let index = first; index < count; index++) {
      const base = decoder.bases[index];
      const start = starts[base];
      const length = ends[base] - start;
      // Pipelines repeat themselves: most commands have their predecessor's name.
      if (length !== nameLength || !equalBytes(bytes, start, bytes, nameStart, length)) {
        command = registry.find(bytes, start, start + length);
        nameStart = start;
        nameLength = length;
        if (command?.subcommands !== undefined) {
          if (decoder.counts[index] > 1) {
            command = command.subcommands.find(bytes, starts[base + 1], ends[base + 1]);
          }
          // A container's name alone does not tell which command the next one is.
          nameLength = -1;
        }
      }
      this.commands[index] = command;
      if (command !== undefined && command.member > 0) hasMembers = true;
      const key = command === undefined ? 0 : command.firstKey;
      if (key > 0 && key < decoder.counts[index]) {
        this.hashes[index] = keyspace.hash(bytes, starts[base + key], ends[base + key]);
        this.refs[index] = 1;
      } else {
        this.refs[index] = 0;
      }
    }
    if (count - first < 2) return;
    const table = db.table;
    this.version = table.version;
    const refs = this.refs;
    const hashes = this.hashes;
    let sink = 0;
    for (let index = first; index < count; index++) {
      if (refs[index] !== 0) sink ^= table.touch(hashes[index]);
    }
    for (let index = first; index < count; index++) {
      if (refs[index] !== 0) refs[index] = table.peek(hashes[index]);
    }
    const words = keyspace.pool.words;
    for (let index = first; index < count; index++) {
      const ref = refs[index];
      if (ref !== NULL_REF) sink ^= words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
    }
    this.#sink ^= sink;
    if (hasMembers) this.#loadMembers(bytes, decoder, first);
  }

  /** Tells what is under the first key of one of the commands to whatever will look that up. */
  tell(table: CellTable, command: Command<Features>, index: number): void {
    const ref = this.refs[index];
    // Without a record, there may be no key: where there are none behind their count.
    if (ref === NULL_REF && command.firstKey !== 1) return;
    table.expect(this.hashes[index], ref, this.version);
  }

  /** Loads what the first keys of up to QUEUED_AHEAD_MAX commands lead to, from `first` on. */
  loadQueued(table: CellTable, queue: QueuedRequests<Features>, first: number): void {
    const { commands } = queue;
    const refs = this.queuedRefs;
    const count = Math.min(queue.count - first, QUEUED_AHEAD_MAX);
    this.queuedVersion = table.version;
    let sink = 0;
    for (let k = 0; k < count; k++) {
      if (commands[first + k].firstKey === 1) sink ^= table.touch(queue.hashAt(first + k));
    }
    for (let k = 0; k < count; k++) {
      const isKeyed = commands[first + k].firstKey === 1;
      refs[k] = isKeyed ? table.peek(queue.hashAt(first + k)) : NULL_REF;
    }
    const words = this.#keyspace.pool.words;
    for (let k = 0; k < count; k++) {
      const ref = refs[k];
      if (ref !== NULL_REF) sink ^= words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
    }
    this.#sink ^= sink;
  }

  /** Loads what the batch's commands look up in values that have an index of members. */
  #loadMembers(bytes: Uint8Array, decoder: Decoder, first: number): void {
    const count = decoder.commandCount;
    const { pool, containers, ownView: view } = this.#keyspace;
    const members = this.#members;
    const hashes = this.#memberHashes;
    const refs = this.#memberRefs;
    let found = 0;
    let sink = 0;
    for (let index = first; index < count; index++) {
      members[index] = undefined;
      const argument = this.commands[index]?.member ?? 0;
      const ref = this.refs[index];
      if (argument === 0 || argument >= decoder.counts[index] || ref === NULL_REF) continue;
      view.load(ref, 0);
      if (view.encoding !== CONTAINER) continue;
      const table = containers.get(handleIn(view))?.members;
      if (table === undefined) continue;
      const at = decoder.bases[index] + argument;
      const hash = this.#keyspace.hash(bytes, decoder.starts[at], decoder.ends[at]);
      members[index] = table;
      hashes[index] = hash;
      sink ^= table.touch(hash);
      found++;
    }
    if (found === 0) return;
    for (let index = first; index < count; index++) {
      refs[index] = members[index]?.peek(hashes[index]) ?? NULL_REF;
      members[index] = undefined;
    }
    for (let index = first; index < count; index++) {
      const ref = refs[index];
      if (ref !== NULL_REF) sink ^= pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
    }
    this.#sink ^= sink;
  }
}
