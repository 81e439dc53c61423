// Reading the whole of an RDB into a keyspace, in slices: header, auxiliary fields, databases, end
// and checksum. The values are read by `rdb-load-values.ts`. What is damaged is refused with the
// offset; nothing of it is believed beyond that.

import type { Clock } from "../base/clock.ts";
import { latin1Text } from "../base/text.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { NO_EXPIRY, RecordView, setAccess } from "../structures/record.ts";
import {
  isKnownVersion,
  RDB_OPCODE_AUX,
  RDB_OPCODE_EOF,
  RDB_OPCODE_EXPIRY_MS,
  RDB_OPCODE_EXPIRY_S,
  RDB_OPCODE_FREQ,
  RDB_OPCODE_FUNCTION,
  RDB_OPCODE_FUNCTION_PRE_GA,
  RDB_OPCODE_IDLE,
  RDB_OPCODE_MODULE_AUX,
  RDB_OPCODE_RESIZE,
  RDB_OPCODE_SELECT,
  RDB_OPCODE_SLOT_INFO,
  RDB_SIGNATURE_BYTES,
  RDB_TYPE_STRING,
  rdbSignature,
} from "./rdb-format.ts";
import { RdbStringBatch } from "./rdb-load-strings.ts";
import { RdbValueReader } from "./rdb-load-values.ts";
import { RdbEndError, RdbError, type RdbReader } from "./rdb-reader.ts";

const CHECKSUM_BYTES = 8;
/** The first version that ends in a checksum. */
const CHECKSUM_VERSION = 5;
/** Keys read between two readings of the clock. */
const KEYS_PER_CHECK = 32;
const NOT_KEPT = -1;

/** The file is whole, maybe, but not one for this server: no place in it is to blame. */
export class RdbUnfitError extends RdbError {
  override name = "RdbUnfitError";
}

/** The bytes are not those that were written. */
export class RdbChecksumError extends RdbError {
  override name = "RdbChecksumError";
  readonly computed: string;
  readonly stored: string;

  constructor(computed: string, stored: string) {
    super("RDB CRC error");
    this.computed = computed;
    this.stored = stored;
  }
}

/** Into what a file is loaded, and how. */
export interface RdbLoadOptions {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  /** Keys whose time has come are left out; not so in front of a log, which deletes them itself. */
  readonly dropsExpired: boolean;
  /** Keys that exist are replaced; else they are an error. */
  readonly merges?: boolean;
  /** `rdbchecksum` */
  readonly verifiesChecksum: boolean;
  /** `key-load-delay`: microseconds that every key is to take, for tests. */
  keyDelayUs?(): number;
  /** Told of each auxiliary field. */
  onField?(name: string, value: string): void;
  /**
   * Given a library of functions as its source, or undefined where the file ends before it does;
   * false, or nobody to give it to, is an error.
   */
  onLibrary?(code: Uint8Array | undefined): boolean;
  /** Told of a file that was written without a checksum. */
  onNoChecksum?(): void;
  /** Told of keys left out because their collection has no elements. */
  onEmptyKey?(name: string): void;
}

/** Reads one RDB; `step` until it returns false. */
export class RdbLoader {
  readonly #reader: RdbReader;
  readonly #options: RdbLoadOptions;
  readonly #keyspace: Keyspace;
  readonly #values: RdbValueReader;
  readonly #strings: RdbStringBatch;
  readonly #view: RecordView;
  #version = 0;
  #db: Database;
  #isDone = false;

  keysLoaded = 0;
  keysExpired = 0;
  keysEmpty = 0;

  // Of the next key.
  #expiryMs = NO_EXPIRY;
  #idleSeconds = NOT_KEPT;
  #frequency = NOT_KEPT;

  constructor(reader: RdbReader, options: RdbLoadOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#keyspace = options.keyspace;
    this.#values = new RdbValueReader(options.keyspace, reader);
    this.#view = new RecordView(options.keyspace.pool);
    this.#db = options.keyspace.databases[0];
    this.#strings = new RdbStringBatch(options.keyspace, reader);
    reader.beforeRefill = () => this.#insertStrings();
  }

  /** Keys read so far, whatever became of them. */
  get keysRead(): number {
    return this.keysLoaded + this.keysExpired + this.keysEmpty + this.#strings.count;
  }

  /**
   * Reads on for about `budgetUs` microseconds. Returns whether there is more. Throws an RdbError
   * where the file is not what it should be, with the keys before that in the keyspace.
   */
  step(budgetUs: number): boolean {
    const deadline = this.#options.clock.monotonicUs() + budgetUs;
    if (this.#version === 0) this.#readHeader();
    while (!this.#isDone) {
      for (let k = 0; k < KEYS_PER_CHECK && !this.#isDone; k++) this.#readItem();
      if (this.#options.clock.monotonicUs() >= deadline) return !this.#isDone;
    }
    return false;
  }

  #readHeader(): void {
    const reader = this.#reader;
    reader.need(RDB_SIGNATURE_BYTES);
    const signature = reader.bytes.subarray(reader.at, reader.at + RDB_SIGNATURE_BYTES);
    const name = rdbSignature(signature);
    if (name === undefined) throw new RdbUnfitError("Wrong signature trying to load DB from file");
    const digits = latin1Text(signature, name.length);
    reader.skip(RDB_SIGNATURE_BYTES);
    this.#version = isDigits(digits) ? Number(digits) : 0;
    if (!isKnownVersion(this.#version)) {
      throw new RdbUnfitError(`Can't handle RDB format version ${this.#version}`);
    }
    this.#values.version = this.#version;
  }

  /** One opcode with what belongs to it, or one key. */
  #readItem(): void {
    const reader = this.#reader;
    const code = reader.byte();
    switch (code) {
      case RDB_OPCODE_EXPIRY_MS:
        this.#expiryMs = reader.littleEndian64();
        return;
      case RDB_OPCODE_EXPIRY_S:
        this.#expiryMs = (reader.littleEndian32() | 0) * 1000;
        return;
      case RDB_OPCODE_IDLE:
        this.#idleSeconds = reader.plainCount();
        return;
      case RDB_OPCODE_FREQ:
        this.#frequency = reader.byte();
        return;
      case RDB_OPCODE_EOF:
        this.#insertStrings();
        return this.#readEnd();
      case RDB_OPCODE_SELECT:
        return this.#select(reader.plainCount());
      case RDB_OPCODE_RESIZE:
        // Sizes that tables should have from the beginning; ours grow without rehashing.
        reader.plainCount();
        reader.plainCount();
        return;
      case RDB_OPCODE_SLOT_INFO:
        for (let k = 0; k < 3; k++) reader.plainCount();
        return;
      case RDB_OPCODE_AUX:
        return this.#readField();
      case RDB_OPCODE_FUNCTION:
        return this.#readLibrary();
      case RDB_OPCODE_FUNCTION_PRE_GA:
        throw new RdbError("Pre-release function format not supported.");
      case RDB_OPCODE_MODULE_AUX:
        throw new RdbError(
          "The RDB file contains AUX module data I can't load: no matching module " +
            `'${reader.moduleName()}'`,
        );
    }
    if (code === RDB_TYPE_STRING && this.#notesString()) return;
    this.#insertStrings();
    this.#readKey(code);
    this.#expiryMs = NO_EXPIRY;
    this.#idleSeconds = NOT_KEPT;
    this.#frequency = NOT_KEPT;
  }

  /** Takes a string for a batch; false where it must be read on its own. */
  #notesString(): boolean {
    if (this.#idleSeconds !== NOT_KEPT || this.#frequency !== NOT_KEPT) return false;
    if (this.#options.merges || this.#isExpired) return false;
    if (this.#strings.isFull) this.#insertStrings();
    if (!this.#strings.add(this.#db, this.#expiryMs)) return false;
    this.#expiryMs = NO_EXPIRY;
    return true;
  }

  #insertStrings(): void {
    const { count } = this.#strings;
    if (count === 0) return;
    const double = this.#strings.flush();
    if (double >= 0) this.#refuseDouble(this.#strings.keyAt(double));
    this.keysLoaded += count;
  }

  /** Whether the time of the key that comes next is over, and matters. */
  get #isExpired(): boolean {
    const expiryMs = this.#expiryMs;
    return expiryMs !== NO_EXPIRY && this.#options.dropsExpired && expiryMs < this.#keyspace.nowMs;
  }

  #refuseDouble(key: Uint8Array): never {
    throw new RdbError(`RDB has duplicated key '${latin1Text(key)}' in DB ${this.#db.index}`);
  }

  #select(index: number): void {
    const db = this.#keyspace.databases[index];
    if (db === undefined) {
      throw new RdbUnfitError(
        "FATAL: Data file was created with a Redis server configured to handle more than " +
          `${this.#keyspace.databases.length} databases. Exiting`,
      );
    }
    this.#insertStrings();
    this.#db = db;
  }

  #readField(): void {
    const reader = this.#reader;
    reader.string();
    const name = latin1Text(reader.value, reader.valueStart, reader.valueEnd);
    reader.string();
    const value = latin1Text(reader.value, reader.valueStart, reader.valueEnd);
    this.#options.onField?.(name, value);
  }

  #readLibrary(): void {
    const code = this.#librarySource();
    // As Redis, which makes no difference between this and a file that ends too early.
    if (this.#options.onLibrary?.(code) !== true) throw new RdbEndError();
  }

  /** The next string; undefined where the file ends within it. */
  #librarySource(): Uint8Array | undefined {
    try {
      return this.#reader.stringCopy();
    } catch (error) {
      if (error instanceof RdbEndError) return undefined;
      throw error;
    }
  }

  #readKey(type: number): void {
    const keyspace = this.#keyspace;
    const view = this.#view;
    const key = this.#reader.stringCopy();
    const hash = keyspace.hash(key, 0, key.length);
    const expiryMs = this.#expiryMs;
    const isThere = this.#db.peek(view, key, 0, key.length, hash) !== undefined;
    if (isThere && this.#options.merges) this.#db.deleteView(view);
    else if (isThere) this.#refuseDouble(key);
    if (!this.#values.read(this.#db, view, type, key, hash)) {
      this.keysEmpty++;
      this.#options.onEmptyKey?.(latin1Text(key));
    } else if (this.#isExpired) {
      this.#db.deleteView(view);
      this.keysExpired++;
    } else {
      if (expiryMs !== NO_EXPIRY) this.#db.setExpiry(view, expiryMs);
      this.#setAccess(view);
      this.keysLoaded++;
    }
  }

  /** What the key was last used for, where the file says so and the policy goes by it. */
  #setAccess(view: RecordView): void {
    const { access, pool } = this.#keyspace;
    if (access.isLfu && this.#frequency !== NOT_KEPT) {
      setAccess(pool, view.ref, access.withCounter(this.#frequency));
    } else if (!access.isLfu && this.#idleSeconds !== NOT_KEPT) {
      setAccess(pool, view.ref, access.idleFor(this.#idleSeconds));
    }
  }

  #readEnd(): void {
    const reader = this.#reader;
    this.#isDone = true;
    if (this.#version < CHECKSUM_VERSION) return;
    const crc = reader.checksum();
    reader.need(CHECKSUM_BYTES);
    const at = reader.at;
    if (this.#options.verifiesChecksum) {
      if (isZero(reader.bytes, at)) this.#options.onNoChecksum?.();
      else if (!crc.equals(reader.bytes, at)) {
        throw new RdbChecksumError(hex(crc.high) + hex(crc.low), storedHex(reader.bytes, at));
      }
    }
    reader.skip(CHECKSUM_BYTES);
  }
}

function isDigits(text: string): boolean {
  for (const character of text) if (character < "0" || character > "9") return false;
  return true;
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let k = 0; k < CHECKSUM_BYTES; k++) if (bytes[at + k] !== 0) return false;
  return true;
}

function storedHex(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.slice(at, at + CHECKSUM_BYTES).reverse()).toString("hex");
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
