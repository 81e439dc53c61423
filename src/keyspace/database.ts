// hot path: no allocation per command
//
// One numbered database: records in the pool, found through a table ordered by key hash. Every
// change to a record passes `#beforeWrite`, so that a snapshot in progress can first save the old
// value. Every lookup deletes a record that has expired; on a replica, or while loading, it hides
// it.
//
// Invariants: each record stands in exactly one cell, under the hash of its key; a record's block
// is at least `recordSize` bytes; volatile records are counted in the table, values by type and
// size in `sizes`; a container's handle stands in one record only.

import { copyBytes, moveBytes } from "../base/ascii.ts";
import { assert, VERIFY } from "../base/assert.ts";
import { writeUint32 } from "../base/little-endian.ts";
import { CellTable, NO_CELL } from "../memory/cell-table.ts";
import { CHUNK_SHIFT, NULL_REF, Pool } from "../memory/pool.ts";
import type { Container } from "../structures/container.ts";
import {
  accessOf,
  CONTAINER,
  ENCODING_AUTO,
  ENCODING_RAW,
  expiryOf,
  HANDLE_BYTES,
  handleIn,
  hasKey,
  isMarked,
  isVolatile,
  KEEP_EXPIRY,
  keepsForm,
  LIST,
  mark,
  NO_EXPIRY,
  overwriteExpiry,
  type RecordView,
  recordSize,
  STREAM,
  STRING,
  setAccess,
  setEncoding,
  setValueLength,
  typeOf,
  valueLengthOf,
  writeHeader,
  ZSET,
} from "../structures/record.ts";
import { DetachedTable } from "./detached-table.ts";
import { EVENT_KEY_MISS, EVENT_NEW } from "./event-classes.ts";
import { earliestFieldExpiry } from "./field-expiry.ts";
import { KeySizes } from "./key-sizes.ts";
import type { Keyspace } from "./keyspace.ts";
import { notify } from "./notify.ts";
import { elementCount } from "./value-size.ts";

/** Values above this many bytes grow by a quarter at least, so that appending stays linear. */
const GROWTH_FLOOR_BYTES = 1024;
/** In #cell: the record is known, the cell that holds its ref is not. */
const NOT_LOCATED = -2;
/** A database up to this many keys is cleared on the spot. */
const CLEARED_AT_ONCE_MAX = 4096;

/** A numbered database of a keyspace. */
export class Database {
  readonly #keyspace: Keyspace;
  readonly #pool: Pool;
  /** Changes with SWAPDB. */
  index: number;
  table: CellTable;
  sizes = new KeySizes();
  /** Number of hashes some of whose fields expire. */
  fieldVolatileCount = 0;

  constructor(keyspace: Keyspace, index: number) {
    this.#keyspace = keyspace;
    this.#pool = keyspace.pool;
    this.index = index;
    this.table = this.#newTable();
  }

  /** Number of keys, those that have expired but were not met yet included. */
  get size(): number {
    return this.table.count;
  }

  /** Number of keys with an expiry. */
  get volatileCount(): number {
    return this.table.volatileCount;
  }

  /**
   * Looks up a key to read it: counts a hit or a miss and notes the access. Fills and returns
   * `view`, or returns undefined.
   */
  lookupRead(
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number,
  ): RecordView | undefined {
    const keyspace = this.#keyspace;
    if (!this.#load(view, bytes, start, end, hash)) {
      keyspace.misses++;
      notify(keyspace, this, EVENT_KEY_MISS, "keymiss", bytes, start, end);
      return undefined;
    }
    keyspace.hits++;
    if (keyspace.notesAccess) this.#noteAccess(view);
    return view;
  }

  /** As `lookupRead`, without counting a hit or miss and without noting the access. */
  peek(
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number,
  ): RecordView | undefined {
    return this.#load(view, bytes, start, end, hash) ? view : undefined;
  }

  /** As `peek`, but finds a key whose time has come, and leaves it. */
  peekEvenExpired(
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number,
  ): RecordView | undefined {
    const ref = this.#find(bytes, start, end, hash);
    if (ref === NULL_REF) return undefined;
    view.load(ref, hash);
    return view;
  }

  /** Looks up a key to change it: its old value is saved for a snapshot in progress. */
  lookupWrite(
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number,
  ): RecordView | undefined {
    if (!this.#load(view, bytes, start, end, hash)) return undefined;
    this.#beforeWrite(view.ref, hash);
    if (this.#keyspace.notesAccess) this.#noteAccess(view);
    return view;
  }

  /**
   * Sets a key to a string, whatever it held. `expiryMs` may be NO_EXPIRY or KEEP_EXPIRY. The value
   * may lie in the pool, in another record than the key's own. Returns the record's ref.
   */
  setString(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
    value: Uint8Array,
    start: number,
    end: number,
    expiryMs: number,
  ): number {
    const pool = this.#pool;
    const length = end - start;
    const view = this.#keyspace.ownView;
    if (!this.#load(view, bytes, keyStart, keyEnd, hash)) {
      const expiry = expiryMs === KEEP_EXPIRY ? NO_EXPIRY : expiryMs;
      const ref = this.#create(STRING, bytes, keyStart, keyEnd, length, expiry, hash);
      copyBytes(pool.bytes[ref >>> CHUNK_SHIFT], this.#valueOffset, value, start, end);
      return ref;
    }
    const found = view.ref;
    const stays = this.#beforeReplace(found, hash);
    const wasVolatile = view.expiryMs !== NO_EXPIRY;
    const expiry = expiryMs === KEEP_EXPIRY ? view.expiryMs : expiryMs;
    const size = recordSize(keyEnd - keyStart, length, expiry !== NO_EXPIRY);
    const fits =
      !stays &&
      wasVolatile === (expiry !== NO_EXPIRY) &&
      view.type === STRING &&
      keepsForm(pool, found, length) &&
      pool.capacity(found) === Pool.capacityFor(size);
    if (fits) {
      this.sizes.resized(STRING, view.valueEnd - view.valueStart, length);
      setValueLength(pool, found, length);
      if (view.encoding !== ENCODING_AUTO) setEncoding(pool, found, ENCODING_AUTO);
      if (wasVolatile) this.#moveExpiry(found, hash, expiry);
      copyBytes(view.bytes, view.valueStart, value, start, end);
      this.#noteAccess(view);
      return found;
    }
    const access = this.#keyspace.access.touched(view.access);
    this.#locate(found, hash);
    const ref = this.#replace(found, size, STRING, bytes, keyStart, keyEnd, length, expiry, access);
    copyBytes(pool.bytes[ref >>> CHUNK_SHIFT], this.#valueOffset, value, start, end);
    this.sizes.added(STRING, length);
    this.#discard(found);
    return ref;
  }

  /** Replaces the value of the string in a view, keeping its expiry. The view is loaded again. */
  replaceString(view: RecordView, value: Uint8Array, start: number, end: number): void {
    const { bytes, keyStart, keyEnd, hash } = view;
    view.load(this.setString(bytes, keyStart, keyEnd, hash, value, start, end, KEEP_EXPIRY), hash);
  }

  /**
   * Sets the length of the string in a view, keeping its content and filling growth with zero
   * bytes; the encoding becomes raw. The view is loaded again and may be written through.
   */
  resizeString(view: RecordView, length: number): void {
    const pool = this.#pool;
    const oldLength = view.valueLength;
    const size = recordSize(view.keyLength, length, view.expiryMs !== NO_EXPIRY);
    if (keepsForm(pool, view.ref, length) && size <= pool.capacity(view.ref)) {
      setValueLength(pool, view.ref, length);
      setEncoding(pool, view.ref, ENCODING_RAW);
    } else {
      this.#seekView(view);
      const slack = length > GROWTH_FLOOR_BYTES ? Math.min(length, 1 << 26) >>> 2 : 0;
      const old = view.ref;
      const ref = this.#replace(
        old,
        size + slack,
        STRING,
        view.bytes,
        view.keyStart,
        view.keyEnd,
        length,
        view.expiryMs,
        accessOf(pool, old),
      );
      setEncoding(pool, ref, ENCODING_RAW);
      const kept = view.valueStart + Math.min(oldLength, length);
      copyBytes(
        pool.bytes[ref >>> CHUNK_SHIFT],
        this.#valueOffset,
        view.bytes,
        view.valueStart,
        kept,
      );
      this.#keyspace.freeBlock(old);
      view.ref = ref;
    }
    this.sizes.resized(STRING, oldLength, length);
    view.load(view.ref, view.hash);
    if (length > oldLength) view.bytes.fill(0, view.valueStart + oldLength, view.valueEnd);
  }

  /**
   * A new key with a value of `length` bytes in place, which the caller writes at the view's
   * `valueStart`, and its elements counted by `resized`. The key must not exist.
   */
  createValue(
    view: RecordView,
    type: number,
    encoding: number,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
    length: number,
  ): void {
    const ref = this.#create(type, bytes, keyStart, keyEnd, length, NO_EXPIRY, hash);
    if (encoding !== ENCODING_AUTO) setEncoding(this.#pool, ref, encoding);
    view.load(ref, hash);
  }

  /**
   * A new key that holds a container, its elements counted. The key must not exist. Where memory
   * runs out the container is still the caller's.
   */
  createContainer(
    view: RecordView,
    container: Container,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
  ): void {
    const { type } = container;
    this.createValue(view, type, CONTAINER, bytes, keyStart, keyEnd, hash, HANDLE_BYTES);
    this.#hold(view, container);
    this.sizes.added(type, container.size);
  }

  /**
   * As `createValue`, in place of whatever the key holds, its expiry included. Where it holds
   * something, those who wait for the key are not told, as in Redis.
   */
  storeValue(
    view: RecordView,
    type: number,
    encoding: number,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
    length: number,
  ): void {
    const found = this.#findLive(bytes, keyStart, keyEnd, hash);
    if (found === NULL_REF) {
      return this.createValue(view, type, encoding, bytes, keyStart, keyEnd, hash, length);
    }
    this.#locate(found, hash);
    this.#beforeReplace(found, hash);
    const size = recordSize(keyEnd - keyStart, length, false);
    const access = this.#keyspace.access.initial();
    const ref = this.#replace(
      found,
      size,
      type,
      bytes,
      keyStart,
      keyEnd,
      length,
      NO_EXPIRY,
      access,
    );
    setEncoding(this.#pool, ref, encoding);
    this.#discard(found);
    view.load(ref, hash);
  }

  /** As `createContainer`, in place of whatever the key holds, its expiry included. */
  storeContainer(
    view: RecordView,
    container: Container,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
  ): void {
    const { type } = container;
    this.storeValue(view, type, CONTAINER, bytes, keyStart, keyEnd, hash, HANDLE_BYTES);
    this.#hold(view, container);
    this.sizes.added(type, container.size);
  }

  /**
   * Replaces `removed` bytes of the value in a view, at an offset within it, by `added` unspecified
   * ones, which the caller writes. The view is loaded again.
   */
  spliceValue(view: RecordView, offset: number, removed: number, added: number): void {
    const pool = this.#pool;
    const { bytes, valueStart, valueEnd } = view;
    const length = valueEnd - valueStart - removed + added;
    const size = recordSize(view.keyLength, length, view.expiryMs !== NO_EXPIRY);
    const tail = valueStart + offset + removed;
    const capacity = pool.capacity(view.ref);
    const fits = keepsForm(pool, view.ref, length) && size <= capacity;
    const isRoomy = removed > added && Pool.capacityFor(size) <= capacity >>> 1;
    let old = NULL_REF;
    // alloc: `try` costs nothing while nothing is thrown
    try {
      if (!fits || isRoomy) old = this.#reallocate(view, size, length);
    } catch (error) {
      // What becomes shorter needs no memory.
      if (!fits) throw error;
    }
    if (old === NULL_REF) {
      moveBytes(bytes, valueStart + offset + added, tail, valueEnd);
      setValueLength(pool, view.ref, length);
      view.load(view.ref, view.hash);
      return;
    }
    const target = view.bytes;
    const at = view.valueStart;
    copyBytes(target, at, bytes, valueStart, valueStart + offset);
    copyBytes(target, at + offset + added, bytes, tail, valueEnd);
    this.#keyspace.freeBlock(old);
  }

  /** Changes what the value in a view is called; its bytes stay as they are. */
  setEncodingOf(view: RecordView, encoding: number): void {
    setEncoding(this.#pool, view.ref, encoding);
    view.encoding = encoding;
  }

  /** Puts a container in place of the value in a view, which it holds by now. View reloaded. */
  attach(view: RecordView, container: Container): void {
    const size = recordSize(view.keyLength, HANDLE_BYTES, view.expiryMs !== NO_EXPIRY);
    const old = this.#reallocate(view, size, HANDLE_BYTES);
    this.setEncodingOf(view, CONTAINER);
    this.#hold(view, container);
    this.#keyspace.freeBlock(old);
  }

  /**
   * Puts the value in place of the container in a view: `length` unspecified bytes, which the
   * caller writes. The container is the caller's. The view is loaded again.
   */
  detach(view: RecordView, encoding: number, length: number): void {
    const handle = handleIn(view);
    const size = recordSize(view.keyLength, length, view.expiryMs !== NO_EXPIRY);
    const old = this.#reallocate(view, size, length);
    this.setEncodingOf(view, encoding);
    this.#keyspace.containers.remove(handle);
    this.#pool.free(old);
  }

  /** Writes a container's handle where a view's value is. */
  #hold(view: RecordView, container: Container): void {
    writeUint32(view.bytes, view.valueStart, this.#keyspace.containers.add(container));
  }

  /** The container in a view whose encoding is CONTAINER. */
  containerOf(view: RecordView): Container {
    const container = this.#keyspace.containers.get(handleIn(view));
    assert(container !== undefined, "a record's handle is in use");
    return container;
  }

  /** Counts a collection's elements anew; `before` is -1 for one that is new. */
  resized(type: number, before: number, after: number): void {
    if (before < 0) this.sizes.added(type, after);
    else this.sizes.resized(type, before, after);
  }

  /** For changes through a view that `lookupRead` or a walk has loaded. */
  beforeWrite(view: RecordView): void {
    this.#beforeWrite(view.ref, view.hash);
  }

  /** As `beforeWrite`, where a part of the value goes because its time has come. */
  beforeLoss(view: RecordView): void {
    this.#beforeLoss(view.ref, view.hash);
  }

  /**
   * Follows a change of the times when fields of the hash in a view expire; `before` is what
   * `earliestFieldExpiry` said before it. Segments are swept by these times, too.
   */
  fieldExpiryChanged(view: RecordView, before: number): void {
    const after = earliestFieldExpiry(this, view);
    if (after === before) return;
    if (before === Number.POSITIVE_INFINITY) this.fieldVolatileCount++;
    if (after === Number.POSITIVE_INFINITY) this.fieldVolatileCount--;
    if (after < before) this.noteFieldExpiry(view);
  }

  /** Lowers the bound that the sweep goes by to the times of the fields of the hash in a view. */
  noteFieldExpiry(view: RecordView): void {
    const earliest = earliestFieldExpiry(this, view);
    if (earliest === Number.POSITIVE_INFINITY) return;
    this.#seekView(view);
    this.table.noteExpiry(earliest);
  }

  /** Deletes a key; false where there is none. */
  delete(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    const ref = this.#findLive(bytes, start, end, hash);
    if (ref === 0) return false;
    this.#beforeReplace(ref, hash);
    this.#unlink(ref, hash);
    return true;
  }

  /** Deletes the key of a view. */
  deleteView(view: RecordView): void {
    this.#seekView(view);
    this.#beforeReplace(view.ref, view.hash);
    this.#unlink(view.ref, view.hash);
  }

  /** Gives the key of a view an expiry, Unix time in milliseconds. The view is loaded again. */
  setExpiry(view: RecordView, expiryMs: number): void {
    this.#seekView(view);
    this.#beforeWrite(view.ref, view.hash);
    if (view.expiryMs === NO_EXPIRY) return this.#rewrite(view, expiryMs);
    this.#moveExpiry(view.ref, view.hash, expiryMs);
    view.load(view.ref, view.hash);
  }

  /** Takes the expiry from the key of a view. The view is loaded again. */
  clearExpiry(view: RecordView): void {
    if (view.expiryMs === NO_EXPIRY) return;
    this.#seekView(view);
    this.#beforeWrite(view.ref, view.hash);
    this.#rewrite(view, NO_EXPIRY);
  }

  /**
   * Copies the value of a view of any database under another key, in place of what that held. Where
   * memory runs out nothing has changed. The view stays valid.
   */
  copyFrom(
    view: RecordView,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
  ): void {
    const access = this.#keyspace.access.initial();
    if (view.encoding !== CONTAINER) {
      return this.#put(view, bytes, keyStart, keyEnd, hash, access);
    }
    const copy = this.containerOf(view).clone();
    const handle = this.#keyspace.containers.add(copy);
    // alloc: `try` costs nothing while nothing is thrown
    try {
      this.#put(view, bytes, keyStart, keyEnd, hash, access);
    } catch (error) {
      this.#keyspace.lazyFree.discard(this.#keyspace.containers.remove(handle));
      throw error;
    }
    const { bytes: target, valueStart } = this.#putView;
    writeUint32(target, valueStart, handle);
  }

  /**
   * Moves the record of a view of `source`, which may be this database, under another key, in place
   * of what that held; its expiry and its access bits go with it. Where memory runs out nothing has
   * changed. The view is of no use afterwards.
   */
  moveFrom(
    source: Database,
    view: RecordView,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
  ): void {
    this.#put(view, bytes, keyStart, keyEnd, hash, accessOf(this.#pool, view.ref));
    source.#leave(view);
  }

  /**
   * Visits live records from a position on, in hash order: `limit` records or to the end of a
   * segment, whichever comes first. Returns the next position, 0 at the end. A position stays valid
   * while keys come and go. `visit` must not change the database; expired records are skipped.
   */
  scan(
    view: RecordView,
    position: number,
    limit: number,
    visit: (view: RecordView) => void,
  ): number {
    const nowMs = this.#keyspace.nowMs;
    return this.table.scan(position, limit, (ref, hash) => {
      view.load(ref, hash | 0);
      if (view.expiryMs === NO_EXPIRY || view.expiryMs > nowMs) visit(view);
    });
  }

  /** Visits every record, expired ones included. `visit` must not change the database. */
  forEach(view: RecordView, visit: (view: RecordView) => void): void {
    let position = 0;
    do {
      position = this.table.scan(position, 1 << 30, (ref, hash) => {
        view.load(ref, hash | 0);
        visit(view);
      });
    } while (position !== 0);
  }

  /**
   * Bytes that a key takes: its record, its share of the table and, estimated from a sample of
   * `samples` elements (0 = all), its container.
   */
  memoryUsage(view: RecordView, samples: number): number {
    const own = this.#pool.capacity(view.ref) + this.table.bytesPerCell;
    return view.encoding === CONTAINER ? own + this.containerOf(view).memoryUsage(samples) : own;
  }

  /** Fills `view` with a random key, each equally likely, expired ones included; false if empty. */
  randomKey(view: RecordView): boolean {
    const table = this.table;
    if (table.count === 0) return false;
    const ref = table.draw(this.#keyspace.random);
    view.load(ref, table.drawnHash);
    return true;
  }

  /** Whether a record has expired. */
  isExpired(view: RecordView): boolean {
    return view.expiryMs !== NO_EXPIRY && view.expiryMs <= this.#keyspace.nowMs;
  }

  /** Deletes the record of a view because its time has come, and says so to the effects. */
  expire(view: RecordView): void {
    this.#seekView(view);
    this.#expireRef(view.ref, view.hash);
  }

  /** Gives the record of a view another block, for compaction. The view is loaded again. */
  moveBlock(view: RecordView): void {
    this.#seekView(view);
    this.#rewrite(view, view.expiryMs);
  }

  /** Deletes the record of a view to make room, and says so to the effects. */
  evict(view: RecordView): void {
    this.#seekView(view);
    this.#beforeLoss(view.ref, view.hash);
    this.#keyspace.events.evicted(this.index, view);
    this.#keyspace.evicted++;
    this.#unlink(view.ref, view.hash);
  }

  /** Deletes everything; what is large is given back in slices. */
  clear(): void {
    const keyspace = this.#keyspace;
    keyspace.changes.beforeClear(this);
    const detached = new DetachedTable(keyspace, this.table);
    if (!keyspace.gate?.keepsCleared(this, detached)) {
      if (this.size <= CLEARED_AT_ONCE_MAX) while (!detached.release(CLEARED_AT_ONCE_MAX));
      else keyspace.lazyFree.defer(detached, this.size);
    }
    this.table = this.#newTable();
    this.sizes = new KeySizes();
    this.fieldVolatileCount = 0;
  }

  #newTable(): CellTable {
    const table = new CellTable(this.#pool);
    table.isVolatile = (ref) => isVolatile(this.#pool, ref);
    return table;
  }

  /** The cell that the last find or seek left, in `table.words`. */
  #cell = NO_CELL;
  /** Where the value of the last created or replaced record starts in its chunk. */
  #valueOffset = 0;

  /**
   * The ref of a key's record, or 0; leaves its cell in #cell, or NOT_LOCATED there when the table
   * had been searched ahead, which tells the ref only.
   */
  #find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    if (VERIFY) this.#keyspace.audit?.lookedUp(this, bytes, start, end);
    const table = this.table;
    const length = end - start;
    if (table.isAhead(hash)) {
      const ref = table.aheadRef;
      this.#cell = NOT_LOCATED;
      if (ref === NULL_REF || hasKey(this.#pool, ref, bytes, start, length)) return ref;
    }
    for (let cell = table.seek(hash); cell !== NO_CELL; cell = table.next(cell)) {
      const ref = table.refAt(cell);
      if (hasKey(this.#pool, ref, bytes, start, length)) {
        this.#cell = cell;
        return ref;
      }
    }
    return NULL_REF;
  }

  /** As `#find`, but a record that has expired is deleted, or hidden, and not found. */
  #findLive(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const ref = this.#find(bytes, start, end, hash);
    if (ref === NULL_REF || !isVolatile(this.#pool, ref)) return ref;
    return this.#outlives(ref, hash, expiryOf(this.#pool, ref)) ? ref : NULL_REF;
  }

  /** Loads a key's record into a view; false where there is none, or it has expired. */
  #load(view: RecordView, bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    const ref = this.#find(bytes, start, end, hash);
    if (ref === NULL_REF) return false;
    view.load(ref, hash);
    return view.expiryMs === NO_EXPIRY || this.#outlives(ref, hash, view.expiryMs);
  }

  /** Whether a volatile record's time has not come; deletes it, or lets it be hidden, if it has. */
  #outlives(ref: number, hash: number, expiryMs: number): boolean {
    if (expiryMs > this.#keyspace.nowMs || this.#keyspace.isLoading) return true;
    if (!this.#keyspace.hidesExpired) this.#expireRef(ref, hash);
    return false;
  }

  /** Writes down that the record of a view is used now; only where that changes anything. */
  #noteAccess(view: RecordView): void {
    const policy = this.#keyspace.access;
    const access = policy.isLfu ? policy.touched(view.access) : policy.seconds;
    if (access !== view.access) setAccess(this.#pool, view.ref, access);
  }

  /** Leaves the cell of a record in #cell, and the table at its segment. */
  #locate(ref: number, hash: number): void {
    if (this.#cell !== NOT_LOCATED) return;
    const table = this.table;
    let cell = table.seek(hash);
    while (cell !== NO_CELL && table.refAt(cell) !== ref) cell = table.next(cell);
    assert(cell !== NO_CELL, "a record stands under its key's hash");
    this.#cell = cell;
  }

  /** Leaves the cell of a view's record in #cell. */
  #seekView(view: RecordView): void {
    this.#cell = NOT_LOCATED;
    this.#locate(view.ref, view.hash);
  }

  #beforeWrite(ref: number, hash: number): void {
    const keyspace = this.#keyspace;
    if (!keyspace.isFollowed) return;
    keyspace.gate?.beforeWrite(this, ref, hash);
    keyspace.changes.beforeWrite(this, ref, hash);
  }

  /**
   * As `#beforeWrite`, where the record is replaced or deleted as a whole. True where that must not
   * be done in place.
   */
  #beforeReplace(ref: number, hash: number): boolean {
    const keyspace = this.#keyspace;
    if (!keyspace.isFollowed) return false;
    const stays = keyspace.gate?.beforeReplace(this, ref, hash) ?? false;
    keyspace.changes.beforeWrite(this, ref, hash);
    return stays;
  }

  /**
   * As `#beforeWrite`, where no command has asked for the change: the record goes, or a part of a
   * collection.
   */
  #beforeLoss(ref: number, hash: number): void {
    const keyspace = this.#keyspace;
    if (!keyspace.isFollowed) return;
    keyspace.gate?.beforeReplace(this, ref, hash);
    keyspace.changes.beforeLoss(this, ref, hash);
  }

  #expireRef(ref: number, hash: number): void {
    const view = this.#keyspace.ownView;
    view.load(ref, hash);
    this.#keyspace.events.expired(this.index, view);
    this.#beforeLoss(ref, hash);
    this.#keyspace.expired++;
    this.#unlink(ref, hash);
  }

  /** Removes the record that was found last and gives back its memory. */
  #unlink(ref: number, hash: number): void {
    this.#locate(ref, hash);
    this.table.remove(this.#cell, hash, isVolatile(this.#pool, ref));
    this.#discard(ref);
  }

  /** Gives back a record that no cell refers to any more, and its container. */
  #discard(ref: number): void {
    if (typeOf(this.#pool, ref) === STRING) {
      this.sizes.removed(STRING, valueLengthOf(this.#pool, ref));
    } else {
      this.#discardCollection(ref);
    }
    this.#keyspace.freeBlock(ref);
  }

  /** What `#discard` does about a collection, but for its record. */
  #discardCollection(ref: number): void {
    const keyspace = this.#keyspace;
    const view = keyspace.discardView;
    view.load(ref, 0);
    this.sizes.removed(view.type, elementCount(this, view));
    if (earliestFieldExpiry(this, view) !== Number.POSITIVE_INFINITY) this.fieldVolatileCount--;
    if (view.type === STREAM) {
      keyspace.events.vanished(this.index, STREAM, view.bytes, view.keyStart, view.keyEnd);
    }
    if (view.encoding === CONTAINER) {
      keyspace.discard(keyspace.containers.remove(handleIn(view)));
    }
  }

  /** Removes the record of a view whose value, handle included, stands under another key by now. */
  #leave(view: RecordView): void {
    this.#seekView(view);
    this.#beforeReplace(view.ref, view.hash);
    this.sizes.removed(view.type, elementCount(this, view));
    if (earliestFieldExpiry(this, view) !== Number.POSITIVE_INFINITY) this.fieldVolatileCount--;
    this.table.remove(this.#cell, view.hash, view.expiryMs !== NO_EXPIRY);
    const { events } = this.#keyspace;
    if (view.type === STREAM) {
      events.vanished(this.index, STREAM, view.bytes, view.keyStart, view.keyEnd);
    }
    this.#keyspace.freeBlock(view.ref);
  }

  /** Where `#put` left the value. */
  get #putView(): RecordView {
    return this.#keyspace.discardView;
  }

  /**
   * Puts a copy of a view's value, a handle copied as it is, under a key, in place of what that
   * held. All or nothing.
   */
  #put(
    view: RecordView,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    hash: number,
    access: number,
  ): void {
    const pool = this.#pool;
    const { type, expiryMs } = view;
    const length = view.valueLength;
    const count = elementCount(this, view);
    const found = this.#findLive(bytes, keyStart, keyEnd, hash);
    let ref: number;
    if (found === 0) {
      ref = this.#create(type, bytes, keyStart, keyEnd, length, expiryMs, hash);
      setAccess(pool, ref, access);
    } else {
      this.#beforeReplace(found, hash);
      this.#locate(found, hash);
      const size = recordSize(keyEnd - keyStart, length, expiryMs !== NO_EXPIRY);
      ref = this.#replace(found, size, type, bytes, keyStart, keyEnd, length, expiryMs, access);
      this.#announce(type, bytes, keyStart, keyEnd);
      notify(this.#keyspace, this, EVENT_NEW, "new", bytes, keyStart, keyEnd);
    }
    setEncoding(pool, ref, view.encoding);
    const target = pool.bytes[ref >>> CHUNK_SHIFT];
    copyBytes(target, this.#valueOffset, view.bytes, view.valueStart, view.valueEnd);
    // A new string has been counted by `#create`.
    if (found !== 0 || type !== STRING) this.sizes.added(type, count);
    const earliest = earliestFieldExpiry(this, view);
    if (earliest !== Number.POSITIVE_INFINITY) {
      this.fieldVolatileCount++;
      this.table.noteExpiry(earliest);
    }
    if (found !== 0) this.#discard(found);
    this.#putView.load(ref, hash);
  }

  /** Tells those who wait for keys that one holds something to wait for. */
  #announce(type: number, bytes: Uint8Array, keyStart: number, keyEnd: number): void {
    if (type === LIST || type === ZSET || type === STREAM) {
      this.#keyspace.events.appeared(this.index, type, bytes, keyStart, keyEnd);
    }
  }

  /** A new record under a key that does not exist; its value's offset is left in #valueOffset. */
  #create(
    type: number,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueLength: number,
    expiryMs: number,
    hash: number,
  ): number {
    const pool = this.#pool;
    const hasExpiry = expiryMs !== NO_EXPIRY;
    const ref = pool.allocate(recordSize(keyEnd - keyStart, valueLength, hasExpiry));
    this.#valueOffset = writeHeader(
      pool,
      ref,
      type,
      ENCODING_AUTO,
      this.#keyspace.access.initial(),
      bytes,
      keyStart,
      keyEnd,
      valueLength,
      expiryMs,
    );
    const keyspace = this.#keyspace;
    if (keyspace.isFollowed) {
      keyspace.gate?.afterCreate(this, ref, hash);
      keyspace.changes.afterCreate(this, ref, hash);
    }
    // alloc: `try` costs nothing while nothing is thrown
    try {
      this.table.insert(hash, ref);
    } catch (error) {
      pool.free(ref);
      throw error;
    }
    if (type === STRING) this.sizes.added(STRING, valueLength);
    else this.#announce(type, bytes, keyStart, keyEnd);
    notify(this.#keyspace, this, EVENT_NEW, "new", bytes, keyStart, keyEnd);
    if (hasExpiry) {
      this.table.addVolatile(1);
      this.table.noteExpiry(expiryMs);
    }
    return ref;
  }

  /**
   * A record in place of the one in #cell, whose block the caller frees once it has copied what it
   * needs from it; the new value's offset is left in #valueOffset.
   */
  #replace(
    old: number,
    size: number,
    type: number,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueLength: number,
    expiryMs: number,
    access: number,
  ): number {
    const pool = this.#pool;
    const ref = pool.allocate(size);
    this.#valueOffset = writeHeader(
      pool,
      ref,
      type,
      ENCODING_AUTO,
      access,
      bytes,
      keyStart,
      keyEnd,
      valueLength,
      expiryMs,
    );
    if (this.#keyspace.gate !== null && isMarked(pool, old)) mark(pool, ref);
    this.table.setRef(this.#cell, ref);
    const wasVolatile = isVolatile(pool, old);
    const becomesVolatile = expiryMs !== NO_EXPIRY;
    if (wasVolatile !== becomesVolatile) this.table.addVolatile(becomesVolatile ? 1 : -1);
    if (becomesVolatile) this.table.noteExpiry(expiryMs);
    return ref;
  }

  /**
   * Gives the record of a view a block of `size` bytes for a value of `length` ones, which the
   * caller copies or writes. Returns the former block, for the caller to free; the view is loaded.
   */
  #reallocate(view: RecordView, size: number, length: number): number {
    this.#seekView(view);
    const pool = this.#pool;
    const old = view.ref;
    const { type, encoding, bytes, keyStart, keyEnd, expiryMs } = view;
    const access = accessOf(pool, old);
    const ref = this.#replace(old, size, type, bytes, keyStart, keyEnd, length, expiryMs, access);
    setEncoding(pool, ref, encoding);
    view.load(ref, view.hash);
    return old;
  }

  #moveExpiry(ref: number, hash: number, expiryMs: number): void {
    this.#locate(ref, hash);
    overwriteExpiry(this.#pool, ref, expiryMs);
    this.table.noteExpiry(expiryMs);
  }

  /** Gives the record in #cell a block of its own with another expiry. The view is loaded again. */
  #rewrite(view: RecordView, expiryMs: number): void {
    const pool = this.#pool;
    const length = view.valueLength;
    const old = view.ref;
    const ref = this.#replace(
      old,
      recordSize(view.keyLength, length, expiryMs !== NO_EXPIRY),
      view.type,
      view.bytes,
      view.keyStart,
      view.keyEnd,
      length,
      expiryMs,
      accessOf(pool, old),
    );
    setEncoding(pool, ref, view.encoding);
    const target = pool.bytes[ref >>> CHUNK_SHIFT];
    copyBytes(target, this.#valueOffset, view.bytes, view.valueStart, view.valueEnd);
    this.#keyspace.freeBlock(old);
    view.load(ref, view.hash);
  }
}
