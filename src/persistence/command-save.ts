// A snapshot as commands that make it: the base of a rewritten log without an RDB. As Redis writes
// it: collections in batches of 64 elements, expiry times behind their values; but large strings
// in pieces that are appended to the first.
//
// Each piece ends in a checksum line (see append-buffer.ts) unless they are switched off.

import { crc32 } from "node:zlib";
import { Int64 } from "../base/int64.ts";
import { latin1Bytes } from "../base/text.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { ReplyWriter } from "../resp/reply.ts";
import type { Container } from "../structures/container.ts";
import { lengthAt, loadElement } from "../structures/intset.ts";
import { COUNT, PLAIN, START } from "../structures/list-nodes.ts";
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
import { type BeginCommand, bulkInt64, StreamCommands } from "./command-save-stream.ts";
import type { SnapshotOutput } from "./snapshot-output.ts";
import type { ListSink, MemberSink, StreamSink, StringSink } from "./snapshot-sink.ts";
import { StreamScript } from "./stream-walk.ts";

/** Elements per command. */
const BATCH_ELEMENTS = 64;
const NO_DATABASE = -1;
/** At first there is room for a few elements of a large collection; many may be open. */
const HELD_BYTES = 256;

/** As many buffers, and none that is larger, are kept for their memory to be used again. */
const SPARES_MAX = 4;
const SPARE_BYTES_MAX = 1 << 20;

const SELECT_COMMAND = latin1Bytes("SELECT");
const FUNCTION_COMMAND = latin1Bytes("FUNCTION");
const LOAD = latin1Bytes("LOAD");
const SET_COMMAND = latin1Bytes("SET");
const APPEND_COMMAND = latin1Bytes("APPEND");
const EXPIRE_COMMAND = latin1Bytes("PEXPIREAT");
const FIELD_EXPIRE_COMMAND = latin1Bytes("HPEXPIREAT");
const FIELDS_TOKEN = latin1Bytes("FIELDS");

/** The command that adds elements to a collection of a type, and its arguments per element. */
const ADDING = new Map<number, { readonly name: Uint8Array; readonly width: number }>([
  [LIST, { name: latin1Bytes("RPUSH"), width: 1 }],
  [SET, { name: latin1Bytes("SADD"), width: 1 }],
  [ZSET, { name: latin1Bytes("ZADD"), width: 2 }],
  [HASH, { name: latin1Bytes("HMSET"), width: 2 }],
]);

/** Turns a snapshot into commands. */
export class CommandSaver implements SnapshotOutput {
  readonly #keyspace: Keyspace;
  readonly #hasChecksums: boolean;
  readonly #libraries: readonly Uint8Array[];
  readonly #writer = new ReplyWriter();
  /** Memory of what was handed over and is back. */
  readonly #spares: Uint8Array<ArrayBuffer>[] = [];
  readonly #member: RecordView;
  readonly #entry = new Entry();
  readonly #other = new Entry();
  readonly #integer = new Int64();
  readonly #collections = new Set<CommandCollection>();
  #dbIndex = NO_DATABASE;

  /** `libraries` are the sources of libraries of functions. */
  constructor(keyspace: Keyspace, hasChecksums: boolean, libraries: readonly Uint8Array[]) {
    this.#keyspace = keyspace;
    this.#hasChecksums = hasChecksums;
    this.#libraries = libraries;
    this.#member = new RecordView(keyspace.pool);
  }

  begin(): void {
    for (const code of this.#libraries) this.command(FUNCTION_COMMAND, 3, LOAD).bulkBytes(code);
  }

  get readyBytes(): number {
    return this.#writer.length;
  }

  get memoryBytes(): number {
    let bytes = this.#writer.buffer.length;
    for (const spare of this.#spares) bytes += spare.length;
    for (const collection of this.#collections) bytes += collection.memoryBytes;
    return bytes;
  }

  take(): Uint8Array {
    const writer = this.#writer;
    const { length } = writer;
    if (this.#hasChecksums && length > 0) {
      const crc = (crc32(writer.buffer.subarray(0, length)) >>> 0).toString(16).padStart(8, "0");
      writer.raw(latin1Bytes(`#CRC:${length}:${crc}\r\n`));
    }
    const spare = this.#spares.pop();
    if (spare === undefined) return writer.detach();
    const written = writer.buffer.subarray(0, writer.length);
    writer.buffer = spare;
    writer.length = 0;
    return written;
  }

  takeBack({ buffer }: Uint8Array): void {
    if (this.#spares.length >= SPARES_MAX || buffer.byteLength > SPARE_BYTES_MAX) return;
    this.#spares.push(new Uint8Array(buffer as ArrayBuffer));
  }

  end(): Uint8Array {
    return this.take();
  }

  key(dbIndex: number, view: RecordView): void {
    const key = view.bytes.slice(view.keyStart, view.keyEnd);
    this.select(dbIndex);
    if (view.type === STRING) {
      const writer = this.command(SET_COMMAND, 3, key);
      writer.bulk(view.bytes, view.valueStart, view.valueEnd);
    } else if (view.encoding === CONTAINER) {
      this.#writeContainer(key, this.#keyspace.containers.get(handleIn(view))!);
    } else if (view.type === SET && view.encoding === INTSET) {
      this.#writeIntset(key, view.bytes, view.valueStart);
    } else if (view.type === HASH && view.encoding === LISTPACK_EX) {
      this.#writeTimedFields(key, view.bytes, view.valueStart);
    } else {
      this.#writeEntries(key, view.type, view.bytes, view.valueStart);
    }
    this.writeExpiry(key, view.expiryMs);
  }

  openString(dbIndex: number, view: RecordView): StringSink {
    const key = view.bytes.slice(view.keyStart, view.keyEnd);
    const { expiryMs } = view;
    let name = SET_COMMAND;
    return {
      activate: () => {},
      piece: (bytes, start, end) => {
        this.select(dbIndex);
        this.command(name, 3, key).bulk(bytes, start, end);
        name = APPEND_COMMAND;
      },
      finish: () => {
        this.select(dbIndex);
        this.writeExpiry(key, expiryMs);
      },
    };
  }

  openMembers(dbIndex: number, view: RecordView, container: Container): MemberSink {
    return this.#open(dbIndex, view, container.type);
  }

  openList(dbIndex: number, view: RecordView): ListSink {
    return this.#open(dbIndex, view, LIST);
  }

  openStream(dbIndex: number, view: RecordView): StreamSink {
    const key = view.bytes.slice(view.keyStart, view.keyEnd);
    const { expiryMs } = view;
    const begin = this.#beginning(key);
    return {
      parts: new StreamCommands((count, ...name) => {
        this.select(dbIndex);
        return begin(count, ...name);
      }),
      activate: () => {},
      finish: () => {
        this.select(dbIndex);
        this.writeExpiry(key, expiryMs);
      },
    };
  }

  #open(dbIndex: number, view: RecordView, type: number): CommandCollection {
    const key = view.bytes.slice(view.keyStart, view.keyEnd);
    const collection = new CommandCollection(this, dbIndex, key, view.expiryMs, type);
    this.#collections.add(collection);
    return collection;
  }

  finished(collection: CommandCollection): void {
    this.#collections.delete(collection);
  }

  /** Has the commands that follow run on a database. */
  select(dbIndex: number): void {
    if (dbIndex === this.#dbIndex) return;
    this.#dbIndex = dbIndex;
    this.#writer.array(2);
    this.#writer.bulkBytes(SELECT_COMMAND);
    this.#writer.bulkInteger(dbIndex);
  }

  /** Begins a command of so many words, the first two given; returns where the rest goes. */
  command(name: Uint8Array, count: number, key: Uint8Array): ReplyWriter {
    this.#writer.array(count);
    this.#writer.bulkBytes(name);
    this.#writer.bulkBytes(key);
    return this.#writer;
  }

  writeExpiry(key: Uint8Array, expiryMs: number): void {
    if (expiryMs === NO_EXPIRY) return;
    this.command(EXPIRE_COMMAND, 3, key).bulkInteger(expiryMs);
  }

  writeFieldExpiry(
    key: Uint8Array,
    expiryMs: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const writer = this.command(FIELD_EXPIRE_COMMAND, 6, key);
    writer.bulkInteger(expiryMs);
    writer.bulkBytes(FIELDS_TOKEN);
    writer.bulkInteger(1);
    writer.bulk(bytes, start, end);
  }

  /** Begins the command for element `index` of `count`, where it is the first of a batch. */
  beginBatch(key: Uint8Array, type: number, index: number, count: number): ReplyWriter {
    if (index % BATCH_ELEMENTS !== 0) return this.#writer;
    const { name, width } = ADDING.get(type)!;
    return this.command(name, 2 + width * Math.min(BATCH_ELEMENTS, count - index), key);
  }

  #writeContainer(key: Uint8Array, container: Container): void {
    if (container.type === LIST) return this.#writeQuicklist(key, container as Quicklist);
    const table = memberTableOf(container);
    if (table === undefined) return this.#writeStream(key, container as Stream);
    let index = 0;
    const view = this.#member;
    table.forEach((ref) => {
      view.load(ref, 0);
      writeMember(this.beginBatch(key, container.type, index++, table.size), container.type, view);
    });
    if (container.type !== HASH || table.volatileCount === 0) return;
    table.forEach((ref) => {
      view.load(ref, 0);
      if (view.expiryMs === NO_EXPIRY) return;
      this.writeFieldExpiry(key, view.expiryMs, view.bytes, view.keyStart, view.keyEnd);
    });
  }

  #writeStream(key: Uint8Array, stream: Stream): void {
    const parts = new StreamCommands(this.#beginning(key));
    for (const _ of new StreamScript(stream).play(parts));
  }

  /** How commands on a key begin. */
  #beginning(key: Uint8Array): BeginCommand {
    return (count, ...name) => {
      const writer = this.#writer;
      writer.array(count);
      for (const word of name) writer.bulkBytes(word);
      writer.bulkBytes(key);
      return writer;
    };
  }

  #writeQuicklist(key: Uint8Array, list: Quicklist): void {
    const { nodes } = list;
    const entry = this.#entry;
    let count = 0;
    for (let node = 0; node < nodes.count; node++) count += nodes.entries(nodes.row(node));
    let index = 0;
    for (let node = 0; node < nodes.count; node++) {
      const row = nodes.row(node);
      const bytes = nodes.bytes(row);
      const entries = (nodes.words[row + COUNT] & PLAIN) !== 0 ? 1 : nodes.entries(row);
      let at = nodes.words[row + START];
      for (let k = 0; k < entries; k++) {
        at = entry.load(bytes, at);
        const writer = this.beginBatch(key, LIST, index++, count);
        writer.bulk(entry.bytes, entry.start, entry.end);
      }
    }
  }

  #writeIntset(key: Uint8Array, bytes: Uint8Array, start: number): void {
    const count = lengthAt(bytes, start);
    for (let index = 0; index < count; index++) {
      loadElement(bytes, start, index, this.#integer);
      bulkInt64(this.beginBatch(key, SET, index, count), this.#integer);
    }
  }

  /** A listpack of elements, of fields and values, or of members and scores. */
  #writeEntries(key: Uint8Array, type: number, bytes: Uint8Array, start: number): void {
    const { width } = ADDING.get(type)!;
    const [entry, second] = [this.#entry, this.#other];
    const count = elementCount(bytes, start) / width;
    let at = firstEntry(start);
    for (let index = 0; index < count; index++) {
      at = entry.load(bytes, at);
      if (width === 2) at = second.load(bytes, at);
      const writer = this.beginBatch(key, type, index, count);
      if (type === ZSET) writer.bulk(second.bytes, second.start, second.end);
      writer.bulk(entry.bytes, entry.start, entry.end);
      if (type === HASH) writer.bulk(second.bytes, second.start, second.end);
    }
  }

  /** A listpack of fields, values and times, of which 0 is none. */
  #writeTimedFields(key: Uint8Array, bytes: Uint8Array, start: number): void {
    const [entry, second] = [this.#entry, this.#other];
    const count = elementCount(bytes, start) / 3;
    let at = firstEntry(start);
    for (let index = 0; index < count; index++) {
      const value = entry.load(bytes, at);
      const time = second.load(bytes, value);
      const writer = this.beginBatch(key, HASH, 0, 1);
      writer.bulk(entry.bytes, entry.start, entry.end);
      writer.bulk(second.bytes, second.start, second.end);
      at = second.load(bytes, time);
      const expiryMs = numberIn(second);
      if (expiryMs === 0) continue;
      this.writeFieldExpiry(key, expiryMs, entry.bytes, entry.start, entry.end);
    }
  }
}

/** A large collection on its way; other keys' commands may stand between its own. */
class CommandCollection implements MemberSink, ListSink {
  readonly #saver: CommandSaver;
  readonly #dbIndex: number;
  readonly #key: Uint8Array;
  readonly #expiryMs: number;
  readonly #type: number;
  /** Elements of the next command, and the fields' times to be set after it. */
  readonly #elements = new ReplyWriter(HELD_BYTES);
  readonly #entry = new Entry();
  readonly #times: { readonly field: Uint8Array; readonly expiryMs: number }[] = [];
  #count = 0;

  constructor(
    saver: CommandSaver,
    dbIndex: number,
    key: Uint8Array,
    expiryMs: number,
    type: number,
  ) {
    this.#saver = saver;
    this.#dbIndex = dbIndex;
    this.#key = key;
    this.#expiryMs = expiryMs;
    this.#type = type;
  }

  get memoryBytes(): number {
    return this.#elements.buffer.length;
  }

  activate(): void {}

  member(view: RecordView): void {
    writeMember(this.#elements, this.#type, view);
    if (this.#type === HASH && view.expiryMs !== NO_EXPIRY) {
      const field = view.bytes.slice(view.keyStart, view.keyEnd);
      this.#times.push({ field, expiryMs: view.expiryMs });
    }
    if (++this.#count === BATCH_ELEMENTS) this.#flush();
  }

  node(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      at = this.#entry.load(bytes, at);
      this.#elements.bulk(this.#entry.bytes, this.#entry.start, this.#entry.end);
      if (++this.#count === BATCH_ELEMENTS) this.#flush();
    }
  }

  finish(): void {
    this.#flush();
    this.#saver.select(this.#dbIndex);
    this.#saver.writeExpiry(this.#key, this.#expiryMs);
    this.#saver.finished(this);
  }

  #flush(): void {
    if (this.#count === 0) return;
    this.#saver.select(this.#dbIndex);
    const writer = this.#saver.beginBatch(this.#key, this.#type, 0, this.#count);
    writer.rawRange(this.#elements.buffer, 0, this.#elements.length);
    for (const { field, expiryMs } of this.#times) {
      this.#saver.writeFieldExpiry(this.#key, expiryMs, field, 0, field.length);
    }
    this.#elements.clear();
    this.#times.length = 0;
    this.#count = 0;
  }
}

/** The arguments for a member of a set, hash or sorted set. */
function writeMember(writer: ReplyWriter, type: number, view: RecordView): void {
  // A sorted set member's double is its score.
  if (type === ZSET) writer.bulkDouble(view.expiryMs);
  writer.bulk(view.bytes, view.keyStart, view.keyEnd);
  if (type === HASH) writer.bulk(view.bytes, view.valueStart, view.valueEnd);
}

function numberIn(entry: Entry): number {
  let value = 0;
  for (let at = entry.start; at < entry.end; at++) value = value * 10 + (entry.bytes[at] - 48);
  return value;
}
