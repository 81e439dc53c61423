// Lists out of an RDB: strings, a ziplist, or the nodes of a large list, which are kept as they
// are.

import type { Keyspace } from "../keyspace/keyspace.ts";
import { newQuicklist, outgrowsRecord } from "../keyspace/list-value.ts";
import { LENGTH, START } from "../structures/list-nodes.ts";
import { EMPTY_BYTES, firstEntry } from "../structures/listpack.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import { LIST, LISTPACK } from "../structures/record.ts";
import {
  type Elements,
  type KeyTarget,
  ListpackBuilder,
  ListpackElements,
} from "./rdb-elements.ts";
import { RDB_QUICKLIST_PACKED, RDB_QUICKLIST_PLAIN } from "./rdb-format.ts";
import { LegacyEntries } from "./rdb-legacy.ts";
import { RdbError, type RdbReader } from "./rdb-reader.ts";

/** Builds a list. Returns the number of elements; 0 where there were none, and no key was made. */
export function loadList(keyspace: Keyspace, target: KeyTarget, elements: Elements): number {
  return store(keyspace, target, (list) => {
    while (elements.next()) list.pushTail(elements.bytes, elements.start, elements.end);
  });
}

/** As `loadList` of a ziplist, which Redis makes no listpack of, however small it is. */
export function loadZiplist(keyspace: Keyspace, target: KeyTarget, elements: Elements): number {
  const fill = (list: Quicklist) => {
    while (elements.next()) list.pushTail(elements.bytes, elements.start, elements.end);
  };
  return store(keyspace, target, fill, false);
}

/**
 * Reads the nodes of a large list: ziplists, or, in the second form, listpacks and plain elements.
 * Returns as `loadList`.
 */
export function loadQuicklist(
  keyspace: Keyspace,
  target: KeyTarget,
  reader: RdbReader,
  isSecondForm: boolean,
): number {
  return store(keyspace, target, (list) => {
    const count = reader.countOf(1);
    for (let k = 0; k < count; k++) {
      const kind = isSecondForm ? reader.plainCount() : 0;
      if (kind === RDB_QUICKLIST_PLAIN) reader.string();
      else reader.encoding();
      const { value, valueStart, valueEnd } = reader;
      if (!isSecondForm) appendZiplist(list, value, valueStart, valueEnd);
      else if (kind === RDB_QUICKLIST_PLAIN) list.appendPlain(value, valueStart, valueEnd);
      else if (kind === RDB_QUICKLIST_PACKED) appendListpack(list, value, valueStart, valueEnd);
      else throw new RdbError("Unknown quicklist node type");
    }
  });
}

function appendListpack(list: Quicklist, bytes: Uint8Array, start: number, end: number): void {
  const elements = new ListpackElements(bytes, start, end);
  let count = 0;
  while (elements.next()) count++;
  if (count > 0) list.appendNode(bytes, firstEntry(start), end - 1, count);
}

function appendZiplist(list: Quicklist, bytes: Uint8Array, start: number, end: number): void {
  const entries = LegacyEntries.ofZiplist(bytes, start, end);
  const pack = new ListpackBuilder();
  while (entries.next()) pack.add(entries.bytes, entries.start, entries.end);
  const length = pack.finish();
  if (pack.count > 0) list.appendNode(pack.bytes, firstEntry(0), length - 1, pack.count);
}

/** Fills a list and puts it under the key, in the record where it fits there and may be. */
function store(
  keyspace: Keyspace,
  target: KeyTarget,
  fill: (list: Quicklist) => void,
  fitsRecord = true,
): number {
  const list = newQuicklist(keyspace);
  let count = 0;
  try {
    fill(list);
    count = list.size;
    if (count > 0 && !(fitsRecord && storeSmall(keyspace, target, list))) {
      target.setContainer(list);
      return count;
    }
  } catch (error) {
    keyspace.lazyFree.discard(list);
    throw error;
  }
  keyspace.lazyFree.discard(list);
  return count;
}

/** Puts a list of one node under the key as a listpack; false where it is too large for that. */
function storeSmall(keyspace: Keyspace, target: KeyTarget, list: Quicklist): boolean {
  const { nodes } = list;
  const row = nodes.row(0);
  if (nodes.count !== 1 || nodes.isPlain(row)) return false;
  const start = nodes.words[row + START];
  const length = nodes.words[row + LENGTH];
  if (outgrowsRecord(keyspace, length + EMPTY_BYTES, list.size)) return false;
  const pack = new ListpackBuilder();
  pack.addEntries(nodes.bytes(row), start, start + length, list.size);
  const end = pack.finish();
  target.setValue(LIST, LISTPACK, list.size, pack.bytes, 0, end);
  return true;
}
