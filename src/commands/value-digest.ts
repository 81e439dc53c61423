// The part of a digest that a value adds, per type, in the order and with the chaining that Redis
// has: a list's elements one after the other, what has no order xor-ed.

import { ZERO } from "../base/ascii.ts";
import { floatText } from "../base/double.ts";
import { INT64_TEXT_MAX, Int64 } from "../base/int64.ts";
import { latin1Bytes } from "../base/text.ts";
import type { Database } from "../keyspace/database.ts";
import { openList } from "../keyspace/list-value.ts";
import { streamOf } from "../keyspace/stream-value.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { lengthAt, loadElement } from "../structures/intset.ts";
import * as listpack from "../structures/listpack.ts";
import type { MemberTable } from "../structures/member-table.ts";
import {
  CONTAINER,
  HASH,
  INTSET,
  LIST,
  LISTPACK_EX,
  NO_EXPIRY,
  type RecordView,
  SET,
  STREAM,
  STRING,
  ZSET,
} from "../structures/record.ts";
import { StreamCursor } from "../structures/stream-cursor.ts";
import { StreamId, streamIdText } from "../structures/stream-id.ts";

const DIGEST_BYTES = 20;
const FIELD_EXPIRE_MARK = latin1Bytes("!!hexpire!!");

/** A digest being built: SHA-1 sums. */
export class Digest {
  readonly bytes = new Uint8Array(DIGEST_BYTES);
  readonly #sum = new Uint8Array(DIGEST_BYTES);

  /** Adds bytes so that the order of additions does not matter. */
  xor(bytes: Uint8Array): void {
    Bun.SHA1.hash(bytes, this.#sum);
    for (let k = 0; k < DIGEST_BYTES; k++) this.bytes[k] ^= this.#sum[k];
  }

  /** Adds bytes so that the order of additions matters. */
  mix(bytes: Uint8Array): void {
    this.xor(bytes);
    Bun.SHA1.hash(this.bytes, this.#sum);
    this.bytes.set(this.#sum);
  }

  mixRange(bytes: Uint8Array, start: number, end: number): void {
    this.mix(bytes.subarray(start, end));
  }

  mixNumber(value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    this.mix(bytes);
  }

  get hex(): string {
    return Buffer.from(this.bytes).toString("hex");
  }
}

/** Adds the value in a view, but neither its type nor its expiry. */
export function addToDigest(digest: Digest, db: Database, view: RecordView): void {
  switch (view.type) {
    case STRING:
      return digest.mixRange(view.bytes, view.valueStart, view.valueEnd);
    case LIST:
      return addList(digest, db, view);
    case SET:
      return addSet(digest, db, view);
    case HASH:
      return addHash(digest, db, view);
    case ZSET:
      return addSortedSet(digest, db, view);
    case STREAM:
      return addStream(digest, db, view);
  }
}

function addList(digest: Digest, db: Database, view: RecordView): void {
  const cursor = openList(db, view);
  const entry = new listpack.Entry();
  cursor.seek(0);
  do {
    entry.load(cursor.bytes, cursor.at);
    digest.mixRange(entry.bytes, entry.start, entry.end);
  } while (cursor.next());
}

function addSet(digest: Digest, db: Database, view: RecordView): void {
  const { bytes, valueStart } = view;
  if (view.encoding === CONTAINER) {
    const table = db.containerOf(view) as MemberTable;
    table.forEach((ref) => {
      const member = table.load(ref);
      digest.xor(member.bytes.subarray(member.keyStart, member.keyEnd));
    });
  } else if (view.encoding === INTSET) {
    const value = new Int64();
    const text = new Uint8Array(INT64_TEXT_MAX);
    for (let index = 0; index < lengthAt(bytes, valueStart); index++) {
      loadElement(bytes, valueStart, index, value);
      digest.xor(text.subarray(0, value.writeText(text, 0)));
    }
  } else {
    for (const element of elementsOf(bytes, valueStart)) digest.xor(element);
  }
}

function addHash(digest: Digest, db: Database, view: RecordView): void {
  if (view.encoding === CONTAINER) {
    const table = db.containerOf(view) as MemberTable;
    table.forEach((ref) => {
      const field = table.load(ref);
      const name = field.bytes.subarray(field.keyStart, field.keyEnd);
      const value = field.bytes.subarray(field.valueStart, field.valueEnd);
      addField(digest, name, value, table.expiryOf(ref) !== NO_EXPIRY);
    });
    return;
  }
  const elements = elementsOf(view.bytes, view.valueStart);
  const isTimed = view.encoding === LISTPACK_EX;
  for (let next = elements.next(); !next.done; next = elements.next()) {
    const name = next.value.slice();
    const value = elements.next().value!.slice();
    // A time is stored for each; 0 is none.
    const hasExpiry = isTimed && elements.next().value![0] !== ZERO;
    addField(digest, name, value, hasExpiry);
  }
}

function addField(digest: Digest, name: Uint8Array, value: Uint8Array, hasExpiry: boolean): void {
  const own = new Digest();
  own.mix(name);
  own.mix(value);
  if (hasExpiry) own.xor(FIELD_EXPIRE_MARK);
  digest.xor(own.bytes);
}

function addSortedSet(digest: Digest, db: Database, view: RecordView): void {
  const members = new ZsetValue().open(db, view);
  members.seek(0);
  do {
    const own = new Digest();
    own.mixRange(members.bytes, members.start, members.end);
    own.mix(latin1Bytes(scoreText(members.score)));
    digest.xor(own.bytes);
  } while (members.next());
}

function addStream(digest: Digest, db: Database, view: RecordView): void {
  const cursor = new StreamCursor();
  const [least, most] = [new StreamId(), new StreamId()];
  most.setMaximum();
  cursor.start(streamOf(db, view), least, most);
  const text = new listpack.Entry();
  const mixElement = (at: number) => {
    const next = text.load(cursor.bytes, at);
    digest.mixRange(text.bytes, text.start, text.end);
    return next;
  };
  while (cursor.next()) {
    digest.mix(latin1Bytes(streamIdText(cursor.id).replace("-", ".")));
    let field = cursor.fieldAt;
    let value = cursor.valueAt;
    for (let k = 0; k < cursor.fieldCount; k++) {
      const afterField = mixElement(field);
      value = mixElement(cursor.isSplit ? value : afterField);
      field = cursor.isSplit ? afterField : value;
    }
  }
}

/** The elements of a listpack as texts; each is valid until the next one is asked for. */
function* elementsOf(bytes: Uint8Array, start: number): Generator<Uint8Array, undefined> {
  const entry = new listpack.Entry();
  for (let at = listpack.firstEntry(start); bytes[at] !== listpack.TERMINATOR; ) {
    at = entry.load(bytes, at);
    yield entry.bytes.subarray(entry.start, entry.end);
  }
  return undefined;
}

/** A score as digests have it: unlike in replies, large round integers have an exponent. */
function scoreText(score: number): string {
  return floatText(score);
}
