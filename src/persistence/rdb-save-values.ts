// Values as RDB has them: which of the format's types a value becomes, and its bytes. Compact
// collections are copied as they are, for the format keeps them as Redis does in memory.
//
// Version 10 of the format, which Redis 7.0 reads, has no listpack for sets and no active time of
// consumers; both are written where a newer version is asked for. Field expiry is written in any
// case: what cannot read it must not silently lose it.

import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Container } from "../structures/container.ts";
import { LENGTH, START } from "../structures/list-nodes.ts";
import { Entry, elementCount, firstEntry } from "../structures/listpack.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import {
  CONTAINER,
  HASH,
  handleIn,
  INTSET,
  LIST,
  LISTPACK_EX,
  NO_EXPIRY,
  RecordView,
  SET,
  STRING,
  ZSET,
} from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import { memberTableOf } from "./collection-walk.ts";
import { ListpackBuilder } from "./rdb-elements.ts";
import {
  RDB_QUICKLIST_PACKED,
  RDB_QUICKLIST_PLAIN,
  RDB_TYPE_HASH,
  RDB_TYPE_HASH_LISTPACK,
  RDB_TYPE_HASH_LISTPACK_EX,
  RDB_TYPE_HASH_METADATA,
  RDB_TYPE_LIST_QUICKLIST_2,
  RDB_TYPE_SET,
  RDB_TYPE_SET_INTSET,
  RDB_TYPE_SET_LISTPACK,
  RDB_TYPE_STREAM_LISTPACKS_2,
  RDB_TYPE_STREAM_LISTPACKS_3,
  RDB_TYPE_STRING,
  RDB_TYPE_ZSET_2,
  RDB_TYPE_ZSET_LISTPACK,
} from "./rdb-format.ts";
import { RdbStreamParts } from "./rdb-save-stream.ts";
import type { RdbWriter } from "./rdb-writer.ts";
import { StreamScript } from "./stream-walk.ts";

/** The first version with listpacks for sets, and with the active time of consumers. */
const VERSION_7_2 = 11;

/** Writes values of one keyspace. */
export class RdbValueWriter {
  readonly #keyspace: Keyspace;
  readonly #version: number;
  readonly #entry = new Entry();
  readonly #member: RecordView;

  constructor(keyspace: Keyspace, version: number) {
    this.#keyspace = keyspace;
    this.#version = version;
    this.#member = new RecordView(keyspace.pool);
  }

  /** The RDB type that the value in a view is written as. */
  typeOf(view: RecordView): number {
    const isContainer = view.encoding === CONTAINER;
    switch (view.type) {
      case STRING:
        return RDB_TYPE_STRING;
      case LIST:
        return RDB_TYPE_LIST_QUICKLIST_2;
      case SET:
        if (view.encoding === INTSET) return RDB_TYPE_SET_INTSET;
        return isContainer || this.#version < VERSION_7_2 ? RDB_TYPE_SET : RDB_TYPE_SET_LISTPACK;
      case ZSET:
        return isContainer ? RDB_TYPE_ZSET_2 : RDB_TYPE_ZSET_LISTPACK;
      case HASH:
        if (isContainer) return this.#hashTableType(view);
        return view.encoding === LISTPACK_EX ? RDB_TYPE_HASH_LISTPACK_EX : RDB_TYPE_HASH_LISTPACK;
      default:
        return this.#version < VERSION_7_2
          ? RDB_TYPE_STREAM_LISTPACKS_2
          : RDB_TYPE_STREAM_LISTPACKS_3;
    }
  }

  /** The whole value in a view. */
  write(writer: RdbWriter, view: RecordView): void {
    if (view.encoding === CONTAINER && view.type !== STRING) {
      return this.#writeContainer(writer, this.#containerOf(view));
    }
    const { bytes, valueStart, valueEnd } = view;
    if (view.type === LIST) {
      writer.count(1);
      writer.count(RDB_QUICKLIST_PACKED);
    } else if (view.type === SET && this.typeOf(view) === RDB_TYPE_SET) {
      return this.#writeEntries(writer, bytes, valueStart);
    } else if (view.type === HASH && view.encoding === LISTPACK_EX) {
      writer.milliseconds(earliestIn(bytes, valueStart, this.#entry));
    }
    writer.string(bytes, valueStart, valueEnd);
  }

  /**
   * What comes before the members of a set, hash or sorted set; `member` follows for each. Returns
   * what fields' times are relative to.
   */
  beginMembers(writer: RdbWriter, container: Container): number {
    const table = memberTableOf(container)!;
    let earliestMs = 0;
    if (container.type === HASH && table.volatileCount > 0) {
      table.refreshEarliestExpiry();
      earliestMs = table.earliestExpiryMs;
      writer.milliseconds(earliestMs);
    }
    writer.count(table.size);
    return earliestMs;
  }

  /** A member of a collection of a type; `earliestMs` comes from `beginMembers`. */
  member(writer: RdbWriter, type: number, view: RecordView, earliestMs: number): void {
    const { bytes, keyStart, keyEnd } = view;
    if (earliestMs > 0) {
      writer.count(view.expiryMs === NO_EXPIRY ? 0 : view.expiryMs - earliestMs + 1);
    }
    writer.string(bytes, keyStart, keyEnd);
    if (type === HASH) writer.string(bytes, view.valueStart, view.valueEnd);
    // A sorted set member's double is its score.
    else if (type === ZSET) writer.double(view.expiryMs);
  }

  #hashTableType(view: RecordView): number {
    const table = memberTableOf(this.#containerOf(view))!;
    return table.volatileCount > 0 ? RDB_TYPE_HASH_METADATA : RDB_TYPE_HASH;
  }

  #containerOf(view: RecordView): Container {
    return this.#keyspace.containers.get(handleIn(view))!;
  }

  #writeContainer(writer: RdbWriter, container: Container): void {
    if (container.type === LIST) return this.#writeQuicklist(writer, container as Quicklist);
    const table = memberTableOf(container);
    if (table === undefined) return this.#writeStream(writer, container as Stream);
    const earliestMs = this.beginMembers(writer, container);
    const view = this.#member;
    table.forEach((ref) => {
      view.load(ref, 0);
      this.member(writer, container.type, view, earliestMs);
    });
  }

  #writeQuicklist(writer: RdbWriter, list: Quicklist): void {
    const { nodes } = list;
    writer.count(nodes.count);
    for (let node = 0; node < nodes.count; node++) {
      const row = nodes.row(node);
      const start = nodes.words[row + START];
      const end = start + nodes.words[row + LENGTH];
      this.node(writer, nodes.bytes(row), start, end, nodes.entries(row), nodes.isPlain(row));
    }
  }

  /** A node of a list: one entry that is plain, or `count` of them. */
  node(
    writer: RdbWriter,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
    isPlain: boolean,
  ): void {
    if (isPlain) {
      this.#entry.load(bytes, start);
      writer.count(RDB_QUICKLIST_PLAIN);
      writer.string(this.#entry.bytes, this.#entry.start, this.#entry.end);
      return;
    }
    writer.count(RDB_QUICKLIST_PACKED);
    const pack = new ListpackBuilder();
    pack.addEntries(bytes, start, end, count);
    writer.string(pack.bytes, 0, pack.finish());
  }

  #writeStream(writer: RdbWriter, stream: Stream): void {
    const parts = this.streamParts(writer, stream);
    for (const _ of new StreamScript(stream).play(parts));
  }

  /** Writes what comes before the first part of a stream; the parts follow. */
  streamParts(writer: RdbWriter, stream: Stream): RdbStreamParts {
    const parts = new RdbStreamParts(writer, this.#version);
    parts.begin(stream.blocks.count);
    return parts;
  }

  /** The entries of a listpack, one string each. */
  #writeEntries(writer: RdbWriter, bytes: Uint8Array, start: number): void {
    const count = elementCount(bytes, start);
    writer.count(count);
    let at = firstEntry(start);
    for (let k = 0; k < count; k++) {
      at = this.#entry.load(bytes, at);
      writer.string(this.#entry.bytes, this.#entry.start, this.#entry.end);
    }
  }
}

/**
 * The earliest expiry in a listpack of field, value and expiry; the first one, for it is sorted.
 */
function earliestIn(bytes: Uint8Array, start: number, entry: Entry): number {
  const value = entry.load(bytes, firstEntry(start));
  entry.load(bytes, entry.load(bytes, value));
  let time = 0;
  for (let at = entry.start; at < entry.end; at++) time = time * 10 + (entry.bytes[at] - 48);
  return time;
}
