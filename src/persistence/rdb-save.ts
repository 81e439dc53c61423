// The whole of an RDB: header, auxiliary fields, databases, end and checksum. Takes keys from a
// snapshot in whatever order they come, so a database may be selected more than once, which every
// reader of the format accepts.
//
// While a large collection is being written part by part, whole keys that must be taken meanwhile
// wait in a buffer of their own, and what there is of further large collections in theirs.

import { Crc64 } from "../base/crc64.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Container } from "../structures/container.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import { accessOf, NO_EXPIRY, type RecordView } from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import {
  RDB_OPCODE_AUX,
  RDB_OPCODE_EOF,
  RDB_OPCODE_EXPIRY_MS,
  RDB_OPCODE_FREQ,
  RDB_OPCODE_FUNCTION,
  RDB_OPCODE_IDLE,
  RDB_OPCODE_RESIZE,
  RDB_OPCODE_SELECT,
} from "./rdb-format.ts";
import type { RdbStreamParts } from "./rdb-save-stream.ts";
import { RdbValueWriter } from "./rdb-save-values.ts";
import { RdbWriter } from "./rdb-writer.ts";
import type { SnapshotOutput } from "./snapshot-output.ts";
import type {
  CollectionSink,
  ListSink,
  MemberSink,
  StreamSink,
  StringSink,
} from "./snapshot-sink.ts";

/** What an RDB is to be like, and what stands in front of its keys. */
export interface RdbOptions {
  /** The version of the format. */
  readonly version: number;
  /** `rdbcompression` */
  readonly compresses: boolean;
  /** `rdbchecksum`: without, the file ends in eight zeros. */
  readonly hasChecksum: boolean;
  /** What eviction goes by, if the policy goes by any: it is kept with each key. */
  readonly access: "none" | "idle" | "frequency";
  /** Name and value of each auxiliary field. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Sources of libraries of functions. */
  readonly libraries: readonly Uint8Array[];
}

const NO_DATABASE = -1;
const CHECKSUM_BYTES = 8;
/** At first there is room for the head of a collection and a few members; there may be many. */
const HELD_BYTES = 256;

/** A run of keys, and the database that it ends in. */
class Section {
  readonly writer: RdbWriter;
  dbIndex = NO_DATABASE;

  constructor(compresses: boolean, initialBytes?: number) {
    this.writer = new RdbWriter(initialBytes);
    this.writer.compresses = compresses;
    this.writer.isHasty = true;
  }

  /** Moves what another section holds behind what this one does. */
  take(other: Section): void {
    this.writer.raw(other.writer.bytes, 0, other.writer.length);
    if (other.dbIndex !== NO_DATABASE) this.dbIndex = other.dbIndex;
    other.writer.clear();
    other.dbIndex = NO_DATABASE;
  }
}

/** Turns a snapshot into the bytes of an RDB, which `take` hands out piece by piece. */
export class RdbSaver implements SnapshotOutput {
  readonly #keyspace: Keyspace;
  readonly #options: RdbOptions;
  readonly #values: RdbValueWriter;
  readonly #crc = new Crc64();
  readonly #output: Section;
  /** Keys that wait for the end of the active collection. */
  readonly #waiting: Section;
  #active: RdbCollection | undefined;
  readonly #announced = new Set<number>();
  /** Of large collections, the active one's aside. */
  readonly #held = new Set<Section>();

  constructor(keyspace: Keyspace, options: RdbOptions) {
    this.#keyspace = keyspace;
    this.#options = options;
    this.#values = new RdbValueWriter(keyspace, options.version);
    this.#output = new Section(options.compresses);
    this.#waiting = new Section(options.compresses);
  }

  get readyBytes(): number {
    return this.#output.writer.length;
  }

  get memoryBytes(): number {
    let bytes = this.#output.writer.capacity + this.#waiting.writer.capacity;
    for (const section of this.#held) bytes += section.writer.capacity;
    return bytes;
  }

  begin(): void {
    const { writer } = this.#output;
    writer.ascii(`REDIS${String(this.#options.version).padStart(4, "0")}`);
    for (const [name, value] of this.#options.fields) {
      writer.byte(RDB_OPCODE_AUX);
      writer.text(name);
      writer.text(value);
    }
    for (const code of this.#options.libraries) {
      writer.byte(RDB_OPCODE_FUNCTION);
      writer.string(code, 0, code.length);
    }
  }

  take(): Uint8Array {
    const { writer } = this.#output;
    if (this.#options.hasChecksum) this.#crc.update(writer.bytes, 0, writer.length);
    return writer.handOver();
  }

  end(): Uint8Array {
    const { writer } = this.#output;
    writer.byte(RDB_OPCODE_EOF);
    if (this.#options.hasChecksum) this.#crc.update(writer.bytes, 0, writer.length);
    writer.reserve(CHECKSUM_BYTES);
    this.#crc.write(writer.bytes, writer.length);
    writer.length += CHECKSUM_BYTES;
    return writer.handOver();
  }

  takeBack(bytes: Uint8Array): void {
    this.#output.writer.takeBack(bytes);
  }

  key(dbIndex: number, view: RecordView): void {
    const section = this.#active === undefined ? this.#output : this.#waiting;
    this.#head(section, dbIndex, view);
    this.#values.write(section.writer, view);
  }

  /** What is taken in parts is never compressed: the walk is always hasty. */
  openString(dbIndex: number, view: RecordView): StringSink {
    const section = this.#hold(dbIndex, view);
    section.writer.count(view.valueLength);
    return new RdbString(this, this.#values, section);
  }

  openMembers(dbIndex: number, view: RecordView, container: Container): MemberSink {
    const section = this.#hold(dbIndex, view);
    return new RdbMembers(this, this.#values, section, container);
  }

  openList(dbIndex: number, view: RecordView, list: Quicklist): ListSink {
    const section = this.#hold(dbIndex, view);
    section.writer.count(list.nodes.count);
    return new RdbList(this, this.#values, section);
  }

  openStream(dbIndex: number, view: RecordView, stream: Stream): StreamSink {
    const section = this.#hold(dbIndex, view);
    return new RdbStream(this, this.#values, section, stream);
  }

  /** A section that begins with a key, for its value to follow. */
  #hold(dbIndex: number, view: RecordView): Section {
    const section = new Section(this.#options.compresses, HELD_BYTES);
    this.#held.add(section);
    this.#head(section, dbIndex, view);
    return section;
  }

  /** A collection's turn to be written; what it holds so far goes out. */
  activate(collection: RdbCollection, held: Section): Section {
    this.#active = collection;
    this.#held.delete(held);
    this.#output.take(held);
    return this.#output;
  }

  /** The active collection is complete; what waited for that goes out. */
  finished(): void {
    this.#active = undefined;
    this.#output.take(this.#waiting);
  }

  /** Everything of a key but its value. */
  #head(section: Section, dbIndex: number, view: RecordView): void {
    const { writer } = section;
    if (section.dbIndex !== dbIndex) this.#select(section, dbIndex);
    if (view.expiryMs !== NO_EXPIRY) {
      writer.byte(RDB_OPCODE_EXPIRY_MS);
      writer.milliseconds(view.expiryMs);
    }
    const { access } = this.#keyspace;
    if (this.#options.access === "idle") {
      writer.byte(RDB_OPCODE_IDLE);
      writer.count(access.idleSeconds(accessOf(this.#keyspace.pool, view.ref)));
    } else if (this.#options.access === "frequency") {
      writer.byte(RDB_OPCODE_FREQ);
      writer.byte(access.decayedCounter(accessOf(this.#keyspace.pool, view.ref)));
    }
    writer.byte(this.#values.typeOf(view));
    writer.string(view.bytes, view.keyStart, view.keyEnd);
  }

  #select(section: Section, dbIndex: number): void {
    const { writer } = section;
    section.dbIndex = dbIndex;
    writer.byte(RDB_OPCODE_SELECT);
    writer.count(dbIndex);
    if (this.#announced.has(dbIndex)) return;
    this.#announced.add(dbIndex);
    const db = this.#keyspace.databases[dbIndex];
    writer.byte(RDB_OPCODE_RESIZE);
    writer.count(db.size);
    writer.count(db.volatileCount);
  }
}

/** A large collection on its way into the RDB. */
abstract class RdbCollection implements CollectionSink {
  readonly #saver: RdbSaver;
  protected readonly values: RdbValueWriter;
  protected section: Section;

  constructor(saver: RdbSaver, values: RdbValueWriter, section: Section) {
    this.#saver = saver;
    this.values = values;
    this.section = section;
  }

  activate(): void {
    this.section = this.#saver.activate(this, this.section);
  }

  finish(): void {
    this.#saver.finished();
  }
}

class RdbString extends RdbCollection implements StringSink {
  piece(bytes: Uint8Array, start: number, end: number): void {
    this.section.writer.raw(bytes, start, end);
  }
}

class RdbMembers extends RdbCollection implements MemberSink {
  readonly #type: number;
  readonly #earliestMs: number;

  constructor(saver: RdbSaver, values: RdbValueWriter, section: Section, container: Container) {
    super(saver, values, section);
    this.#type = container.type;
    this.#earliestMs = values.beginMembers(section.writer, container);
  }

  member(view: RecordView): void {
    this.values.member(this.section.writer, this.#type, view, this.#earliestMs);
  }
}

class RdbList extends RdbCollection implements ListSink {
  node(bytes: Uint8Array, start: number, end: number, count: number, isPlain: boolean): void {
    this.values.node(this.section.writer, bytes, start, end, count, isPlain);
  }
}

class RdbStream extends RdbCollection implements StreamSink {
  readonly parts: RdbStreamParts;

  constructor(saver: RdbSaver, values: RdbValueWriter, section: Section, stream: Stream) {
    super(saver, values, section);
    this.parts = values.streamParts(section.writer, stream);
  }

  override activate(): void {
    super.activate();
    this.parts.writer = this.section.writer;
  }
}
