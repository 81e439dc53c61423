// The invariants of a whole database, checked in tests and by DEBUG: its table, every container,
// and what is counted by type and size. Costs a walk over everything.

import { assert } from "../base/assert.ts";
import { CONTAINER, type RecordView, STREAM, STRING } from "../structures/record.ts";
import type { Database } from "./database.ts";
import { verifyFields } from "./field-expiry.ts";
import { KeySizes } from "./key-sizes.ts";
import { elementCount } from "./value-size.ts";

/** Checks a database; `view` is used up. Throws on the first violation. */
export function verifyDatabase(db: Database, view: RecordView): void {
  db.table.verify();
  const counted = new KeySizes();
  let fieldVolatiles = 0;
  db.forEach(view, () => {
    const bound = db.table.earliestExpiry(view.hash >>> 0);
    if (verifyFields(db, view, bound)) fieldVolatiles++;
    if (view.encoding === CONTAINER) db.containerOf(view).verify();
    counted.added(view.type, elementCount(db, view));
  });
  assert(fieldVolatiles === db.fieldVolatileCount, "hashes whose fields expire are counted");
  for (let type = STRING; type <= STREAM; type++) verifySizes(db.sizes, counted, type);
}

function verifySizes(sizes: KeySizes, counted: KeySizes, type: number): void {
  const expected = new Map<number, number>();
  counted.forEach(type, (least, count) => {
    expected.set(least, count);
  });
  sizes.forEach(type, (least, count) => {
    assert(expected.get(least) === count, "values are counted by their size");
    expected.delete(least);
  });
  assert(expected.size === 0, "every value is counted by its size");
}
