// Values out of an RDB or a DUMP payload, in every type the format ever had, put under a key that
// does not exist. What comes in is hostile: a value that a command could stumble over is refused,
// as an RdbError, before the key is made. Compact encodings are copied where they are sound and
// within the configured limits; everything else is built element by element.

import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { RecordView } from "../structures/record.ts";
import { type Elements, KeyTarget, StringElements } from "./rdb-elements.ts";
import {
  isValkeyVersion,
  RDB_TYPE_HASH,
  RDB_TYPE_HASH_LISTPACK,
  RDB_TYPE_HASH_LISTPACK_EX,
  RDB_TYPE_HASH_LISTPACK_EX_PRE_GA,
  RDB_TYPE_HASH_METADATA,
  RDB_TYPE_HASH_METADATA_PRE_GA,
  RDB_TYPE_HASH_ZIPLIST,
  RDB_TYPE_HASH_ZIPMAP,
  RDB_TYPE_LIST,
  RDB_TYPE_LIST_QUICKLIST,
  RDB_TYPE_LIST_QUICKLIST_2,
  RDB_TYPE_LIST_ZIPLIST,
  RDB_TYPE_MODULE,
  RDB_TYPE_MODULE_2,
  RDB_TYPE_SET,
  RDB_TYPE_SET_INTSET,
  RDB_TYPE_SET_LISTPACK,
  RDB_TYPE_STREAM_LISTPACKS,
  RDB_TYPE_STREAM_LISTPACKS_2,
  RDB_TYPE_STREAM_LISTPACKS_3,
  RDB_TYPE_STRING,
  RDB_TYPE_ZSET,
  RDB_TYPE_ZSET_2,
  RDB_TYPE_ZSET_LISTPACK,
  RDB_TYPE_ZSET_ZIPLIST,
  RDB_VERSION,
} from "./rdb-format.ts";
import { LegacyEntries } from "./rdb-legacy.ts";
import {
  FieldsWithTimes,
  loadHash,
  loadHashListpack,
  PairSource,
  TimedReaderPairs,
} from "./rdb-load-hashes.ts";
import { loadList, loadQuicklist, loadZiplist } from "./rdb-load-lists.ts";
import { loadIntset, loadSet, loadSetListpack } from "./rdb-load-sets.ts";
import { loadStream, STREAM_FORM_1, STREAM_FORM_2, STREAM_FORM_3 } from "./rdb-load-stream.ts";
import {
  loadZset,
  loadZsetListpack,
  ReaderScores,
  readDoubleScore,
  readTextScore,
  TextScores,
} from "./rdb-load-zsets.ts";
import { RdbError, type RdbReader } from "./rdb-reader.ts";

/** The least that a field with its value, and a member with its score, take. */
const PAIR_BYTES_MIN = 2;

/** Reads values for one keyspace. */
export class RdbValueReader {
  readonly #keyspace: Keyspace;
  readonly #reader: RdbReader;
  /** The version of the format that is read. */
  version = RDB_VERSION;

  constructor(keyspace: Keyspace, reader: RdbReader) {
    this.#keyspace = keyspace;
    this.#reader = reader;
  }

  /**
   * Reads a value of an RDB type and puts it under a key that does not exist, to which the view is
   * left pointing. False, with no key made, for a collection without elements. Throws an RdbError,
   * with no key made.
   */
  read(db: Database, view: RecordView, type: number, key: Uint8Array, hash: number): boolean {
    const reader = this.#reader;
    const keyspace = this.#keyspace;
    const target = new KeyTarget(db, view, key, hash);
    switch (type) {
      case RDB_TYPE_STRING:
        reader.string();
        target.setString(reader.value, reader.valueStart, reader.valueEnd);
        return true;
      case RDB_TYPE_LIST:
        return loadList(keyspace, target, this.#strings(reader.countOf(1))) > 0;
      case RDB_TYPE_LIST_ZIPLIST:
        return loadZiplist(keyspace, target, this.#ziplist()) > 0;
      case RDB_TYPE_LIST_QUICKLIST:
      case RDB_TYPE_LIST_QUICKLIST_2:
        return loadQuicklist(keyspace, target, reader, type === RDB_TYPE_LIST_QUICKLIST_2) > 0;
      case RDB_TYPE_SET:
      case RDB_TYPE_SET_INTSET:
      case RDB_TYPE_SET_LISTPACK:
        return this.#readSet(target, type);
      case RDB_TYPE_ZSET:
      case RDB_TYPE_ZSET_2:
      case RDB_TYPE_ZSET_ZIPLIST:
      case RDB_TYPE_ZSET_LISTPACK:
        return this.#readZset(target, type);
      case RDB_TYPE_STREAM_LISTPACKS:
        return loadStream(keyspace, target, reader, STREAM_FORM_1);
      case RDB_TYPE_STREAM_LISTPACKS_2:
        return loadStream(keyspace, target, reader, STREAM_FORM_2);
      case RDB_TYPE_STREAM_LISTPACKS_3:
        return loadStream(keyspace, target, reader, STREAM_FORM_3);
      case RDB_TYPE_MODULE:
      case RDB_TYPE_MODULE_2:
        throw new RdbError(
          "The RDB file contains module data I can't load: no matching module type " +
            `'${reader.moduleName()}'`,
        );
    }
    return this.#readHash(target, type);
  }

  #readSet(target: KeyTarget, type: number): boolean {
    const reader = this.#reader;
    const keyspace = this.#keyspace;
    if (type === RDB_TYPE_SET) {
      const count = reader.countOf(1);
      return count > 0 && loadSet(keyspace, target, this.#strings(count), count);
    }
    reader.encoding();
    const { value, valueStart, valueEnd } = reader;
    if (type === RDB_TYPE_SET_INTSET) {
      return loadIntset(keyspace, target, value, valueStart, valueEnd);
    }
    return loadSetListpack(keyspace, target, value, valueStart, valueEnd);
  }

  #readZset(target: KeyTarget, type: number): boolean {
    const reader = this.#reader;
    const keyspace = this.#keyspace;
    if (type === RDB_TYPE_ZSET_ZIPLIST) {
      return loadZset(keyspace, target, new TextScores(this.#ziplist())) > 0;
    }
    if (type === RDB_TYPE_ZSET_LISTPACK) {
      reader.encoding();
      const { value, valueStart, valueEnd } = reader;
      return loadZsetListpack(keyspace, target, value, valueStart, valueEnd) > 0;
    }
    const strings = this.#strings(reader.countOf(PAIR_BYTES_MIN));
    const readScore = type === RDB_TYPE_ZSET ? readTextScore : readDoubleScore;
    return loadZset(keyspace, target, new ReaderScores(strings, reader, readScore)) > 0;
  }

  #readHash(target: KeyTarget, type: number): boolean {
    const reader = this.#reader;
    const keyspace = this.#keyspace;
    switch (type) {
      case RDB_TYPE_HASH: {
        const strings = this.#strings(reader.countOf(PAIR_BYTES_MIN) * 2);
        return loadHash(keyspace, target, new PairSource(strings), false) > 0;
      }
      case RDB_TYPE_HASH_ZIPMAP: {
        reader.encoding();
        const { value, valueStart, valueEnd } = reader;
        const entries = LegacyEntries.ofZipmap(value, valueStart, valueEnd);
        return loadHash(keyspace, target, new PairSource(entries), false) > 0;
      }
      case RDB_TYPE_HASH_ZIPLIST:
        return loadHash(keyspace, target, new PairSource(this.#ziplist()), false) > 0;
      case RDB_TYPE_HASH_LISTPACK:
        return this.#readHashListpack(target, false);
      case RDB_TYPE_HASH_LISTPACK_EX:
        // The earliest of the times, which stand in the listpack.
        reader.littleEndian64();
        return this.#readHashListpack(target, true);
      case RDB_TYPE_HASH_LISTPACK_EX_PRE_GA:
        return this.#readHashListpack(target, true);
      case RDB_TYPE_HASH_METADATA:
      case RDB_TYPE_HASH_METADATA_PRE_GA: {
        if (isValkeyVersion(this.version)) {
          const source = new FieldsWithTimes(reader, reader.countOf(10));
          return loadHash(keyspace, target, source, true) > 0;
        }
        const earliestMs = type === RDB_TYPE_HASH_METADATA ? reader.littleEndian64() : 0;
        const source = new TimedReaderPairs(reader, reader.countOf(3), earliestMs);
        return loadHash(keyspace, target, source, true) > 0;
      }
    }
    throw new RdbError(`Unknown RDB encoding type ${type}`);
  }

  #readHashListpack(target: KeyTarget, withTimes: boolean): boolean {
    const reader = this.#reader;
    reader.encoding();
    const { value, valueStart, valueEnd } = reader;
    return loadHashListpack(this.#keyspace, target, value, valueStart, valueEnd, withTimes) > 0;
  }

  #strings(count: number): Elements {
    return new StringElements(this.#reader, count);
  }

  #ziplist(): Elements {
    this.#reader.encoding();
    const { value, valueStart, valueEnd } = this.#reader;
    return LegacyEntries.ofZiplist(value, valueStart, valueEnd);
  }
}
