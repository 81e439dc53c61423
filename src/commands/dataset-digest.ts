// DEBUG DIGEST: a fingerprint of the data that does not depend on the order of keys, computed as
// Redis does, so that the two can be compared: SHA-1 sums, chained where order counts ("mix") and
// xor-ed where it does not.

import { latin1Bytes } from "../base/text.ts";
import type { Database } from "../keyspace/database.ts";
import { NO_EXPIRY, type RecordView } from "../structures/record.ts";
import type { Context } from "./features.ts";
import { addToDigest, Digest } from "./value-digest.ts";

const EXPIRE_MARK = latin1Bytes("!!expire!!");
const SCAN_KEYS = 1024;

/** Adds type, value and whether there is an expiry; not its time. */
function addValue(digest: Digest, db: Database, view: RecordView): void {
  digest.mixNumber(view.type);
  addToDigest(digest, db, view);
  if (view.expiryMs !== NO_EXPIRY) digest.xor(EXPIRE_MARK);
}

/** The digest of every key of every database, as 40 hexadecimal characters. */
export function datasetDigest(c: Context): string {
  const whole = new Digest();
  const { keyspace } = c.server;
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    whole.mixNumber(db.index);
    let position = 0;
    do {
      position = db.scan(keyspace.view, position, SCAN_KEYS, (view) => {
        const own = new Digest();
        own.mixRange(view.bytes, view.keyStart, view.keyEnd);
        addValue(own, db, view);
        whole.xor(own.bytes);
      });
    } while (position !== 0);
  }
  return whole.hex;
}

/** The digest of one value; zeros for a key that does not exist. */
export function valueDigest(db: Database, view: RecordView | undefined): string {
  const digest = new Digest();
  if (view !== undefined) addValue(digest, db, view);
  return digest.hex;
}
