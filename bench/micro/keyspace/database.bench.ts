// A database without a server around it: setting, finding and expiring strings.

import { do_not_optimize } from "mitata";
import { Xoshiro } from "../../../src/base/random.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { NO_EXPIRY } from "../../../src/structures/record.ts";
import { benchmark } from "../../harness/benchmark.ts";
import {
  keyName,
  type Ranges,
  randomText,
  rangesOf,
  seeded,
  shuffled,
} from "../../harness/data.ts";
import { checkResult, Digest } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const SIZES = sized([1000, 100_000, 2_000_000], [1000]);
const BATCH = 512;
const VALUE_BYTES = 32;
const START_MS = 1_700_000_000_000;

interface Fixture {
  readonly keyspace: Keyspace;
  readonly keys: Ranges;
  /** Record k's value starts at k modulo their number. */
  readonly values: Uint8Array;
}

function valueStart(k: number): number {
  return k % 1000;
}

/** A database with keys, in random order of their numbers. */
function filled(count: number, expiryMs = NO_EXPIRY): Fixture {
  const random = seeded("database");
  const order = shuffled(random, count);
  const keys = rangesOf(Array.from(order, keyName));
  const values = rangesOf([randomText(random, 1000 + VALUE_BYTES)]).bytes;
  const keyspace = new Keyspace(1, new Xoshiro(1));
  keyspace.setTime(START_MS);
  const fixture = { keyspace, keys, values };
  for (let k = 0; k < count; k++) set(fixture, k, valueStart(k), expiryMs);
  return fixture;
}

function set({ keyspace, keys, values }: Fixture, k: number, at: number, expiryMs: number): void {
  const [start, end] = [keys.starts[k], keys.ends[k]];
  const hash = keyspace.hash(keys.bytes, start, end);
  const db = keyspace.databases[0];
  db.setString(keys.bytes, start, end, hash, values, at, at + VALUE_BYTES, expiryMs);
}

function find({ keyspace, keys }: Fixture, k: number) {
  const [start, end] = [keys.starts[k], keys.ends[k]];
  const hash = keyspace.hash(keys.bytes, start, end);
  return keyspace.databases[0].lookupRead(keyspace.view, keys.bytes, start, end, hash);
}

/** Compares every record's value with the one it was given. */
function checkValues(fixture: Fixture, count: number): void {
  const [actual, expected] = [new Digest(), new Digest()];
  for (let k = 0; k < count; k++) {
    const view = find(fixture, k);
    if (view !== undefined) actual.bytes(view.bytes, view.valueStart, view.valueEnd);
    expected.bytes(fixture.values, valueStart(k), valueStart(k) + VALUE_BYTES);
  }
  checkResult("values", actual.value, expected.value);
}

/** Calls `visit` for the next 512 of `count` numbers, round and round. */
function rounds(count: number, visit: (k: number) => number): () => number {
  let from = 0;
  return () => {
    let sum = 0;
    for (let k = from; k < from + BATCH; k++) sum += visit(k);
    from = from + 2 * BATCH > count ? 0 : from + BATCH;
    return sum;
  };
}

benchmark("get 512 of $keys keys", function* (args) {
  const count = args.get("keys");
  const fixture = filled(count);
  checkValues(fixture, count);
  const getBatch = rounds(count, (k) => find(fixture, k)?.valueLength ?? 0);
  checkResult("bytes found", getBatch(), BATCH * VALUE_BYTES);
  yield () => do_not_optimize(getBatch());
})
  .args("keys", SIZES)
  .gc("inner");

benchmark("overwrite 512 of $keys keys", function* (args) {
  const count = args.get("keys");
  const fixture = filled(count);
  const setBatch = rounds(count, (k) => {
    set(fixture, k, valueStart(k), NO_EXPIRY);
    return 1;
  });
  checkResult("keys set", setBatch(), BATCH);
  yield () => do_not_optimize(setBatch());
  checkValues(fixture, count);
})
  .args("keys", SIZES)
  .gc("inner");

benchmark("delete and create 512 of $keys keys", function* (args) {
  const count = args.get("keys");
  const fixture = filled(count);
  const { keyspace, keys } = fixture;
  const db = keyspace.databases[0];
  const replaceBatch = rounds(count, (k) => {
    const hash = keyspace.hash(keys.bytes, keys.starts[k], keys.ends[k]);
    const deleted = db.delete(keys.bytes, keys.starts[k], keys.ends[k], hash);
    set(fixture, k, valueStart(k), NO_EXPIRY);
    return deleted ? 1 : 0;
  });
  checkResult("keys deleted", replaceBatch(), BATCH);
  yield () => do_not_optimize(replaceBatch());
  checkValues(fixture, count);
  keyspace.verify();
})
  .args("keys", SIZES)
  .gc("inner");

benchmark("change the expiry of 512 of $keys keys", function* (args) {
  const count = args.get("keys");
  const fixture = filled(count, START_MS + 1_000_000);
  const db = fixture.keyspace.databases[0];
  let expiryMs = START_MS + 1_000_000;
  const expireBatch = rounds(count, (k) => {
    const view = find(fixture, k);
    if (view === undefined) return 0;
    db.setExpiry(view, ++expiryMs);
    return 1;
  });
  checkResult("keys found", expireBatch(), BATCH);
  yield () => do_not_optimize(expireBatch());
  checkResult("volatile keys", db.volatileCount, count);
  checkValues(fixture, count);
})
  .args("keys", SIZES)
  .gc("inner");

benchmark("set 512 keys, let them expire and meet them", function* () {
  const fixture = filled(BATCH);
  const { keyspace } = fixture;
  const expireBatch = () => {
    for (let k = 0; k < BATCH; k++) set(fixture, k, valueStart(k), keyspace.nowMs + 1);
    keyspace.setTime(keyspace.nowMs + 2);
    let missing = 0;
    for (let k = 0; k < BATCH; k++) if (find(fixture, k) === undefined) missing++;
    return missing;
  };
  checkResult("keys expired", expireBatch(), BATCH);
  yield () => do_not_optimize(expireBatch());
  checkResult("keys left", keyspace.databases[0].size, 0);
  keyspace.verify();
}).gc("inner");
