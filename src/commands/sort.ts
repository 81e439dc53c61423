// SORT and SORT_RO: the elements of a list, set or sorted set in another order, or what patterns
// find for them, replied or stored as a list.

import { ByteRanges } from "../base/byte-ranges.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  type KeySpec,
  keyAt,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_LIST } from "../keyspace/event-classes.ts";
import { newQuicklist, recordBytes, writeRecord } from "../keyspace/list-value.ts";
import { LIST, LISTPACK, type RecordView, SET } from "../structures/record.ts";
import { key, limitOption, tokens } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { isSortable, loadElements, prepareForSort, sortableCount } from "./sort-elements.ts";
import { NOT_NUMBERS, originalOrder, sortedOrder } from "./sort-order.ts";
import { hasAsterisk, SortPattern, trimKeyBuffer } from "./sort-patterns.ts";

const COMPLEXITY =
  "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number " +
  "of returned elements. When the elements are not sorted, complexity is O(N).";

/** Keys that only the command's own function finds. */
function unknownKeys(flags: number, notes: string): KeySpec {
  return { flags, notes, begin: { type: "unknown" }, find: { type: "unknown" } };
}

const patternKeys = unknownKeys(
  RO | ACCESS,
  "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the " +
    "content of the key we sort",
);
const storeKey = unknownKeys(
  OW | UPDATE,
  "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear " +
    "anywhere in the argument array",
);

/** A pattern after a word. */
function patternOption(token: string): ArgumentSpec {
  const name = `${token.toLowerCase()}-pattern`;
  const pattern = { type: "pattern", displayText: "pattern", keySpecIndex: 1 } as const;
  return { name, ...pattern, token, optional: true };
}

const options: readonly ArgumentSpec[] = [
  key,
  patternOption("BY"),
  limitOption,
  { ...patternOption("GET"), multiple: true, multipleToken: true },
  { name: "order", type: "oneof", optional: true, arguments: tokens("ASC", "DESC") },
  { name: "sorting", type: "pure-token", token: "ALPHA", optional: true },
];

const destination: ArgumentSpec = {
  name: "destination",
  type: "key",
  keySpecIndex: 2,
  token: "STORE",
  optional: true,
};

export const sortCommands = defineFamily<Features>("generic", [
  {
    name: "SORT",
    arity: -2,
    flags: WRITE | DENYOOM,
    since: "1.0.0",
    complexity: COMPLEXITY,
    summary: "Sorts a list, a set or a sorted set, and replies with the result or stores it.",
    categories: ["set", "sortedset", "list", "dangerous"],
    keys: [keyAt(1, RO | ACCESS), patternKeys, storeKey],
    args: [...options, destination],
    run: sortCommand,
  },
  {
    name: "SORT_RO",
    arity: -2,
    flags: READONLY,
    since: "7.0.0",
    complexity: COMPLEXITY,
    summary: "Sorts a list, a set or a sorted set, and replies with the result.",
    categories: ["set", "sortedset", "list", "dangerous"],
    keys: [keyAt(1, RO | ACCESS), patternKeys],
    args: options,
    run: sortRoCommand,
  },
]);

/** What a request asks for. */
class SortRequest {
  isDescending = false;
  isAlpha = false;
  /** BY with a pattern that stands for nothing: the order stays as it is. */
  isUnsorted = false;
  by: SortPattern | undefined;
  readonly gets: SortPattern[] = [];
  offset = 0;
  /** Negative: no limit. */
  limit = -1;
  /** The argument that names the key to store the result under, or 0. */
  storeIndex = 0;
}

/** The elements, and the texts to be stored. */
const elements = new ByteRanges();
const results = new ByteRanges();

// SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC]
//   [ALPHA] [STORE destination]
function sortCommand(c: Context): void {
  sort(c, true);
}

// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC]
//   [ALPHA]
function sortRoCommand(c: Context): void {
  sort(c, false);
}

function sort(c: Context, mayStore: boolean): void {
  const request = requestOrReply(c, mayStore);
  if (request === undefined) return;
  const view = c.readKey(1);
  if (view !== undefined && !isSortable(view)) return c.reply.wrongType();
  elements.clear();
  results.clear();
  try {
    sortElements(c, request, view);
  } finally {
    elements.clear();
    results.clear();
    trimKeyBuffer();
  }
}

/** Reads the options; undefined after an error. */
function requestOrReply(c: Context, mayStore: boolean): SortRequest | undefined {
  const request = new SortRequest();
  for (let at = 2; at < c.count; at++) {
    const rest = c.count - 1 - at;
    if (c.is(at, "asc")) {
      request.isDescending = false;
    } else if (c.is(at, "desc")) {
      request.isDescending = true;
    } else if (c.is(at, "alpha")) {
      request.isAlpha = true;
    } else if (c.is(at, "limit") && rest >= 2) {
      request.offset = longOrReply(c, at + 1);
      if (Number.isNaN(request.offset)) return undefined;
      request.limit = longOrReply(c, at + 2);
      if (Number.isNaN(request.limit)) return undefined;
      at += 2;
    } else if (mayStore && c.is(at, "store") && rest >= 1) {
      request.storeIndex = ++at;
    } else if (c.is(at, "by") && rest >= 1) {
      request.by = new SortPattern(c, ++at);
      // Once said, it stays said: a later BY does not undo it.
      if (!hasAsterisk(c, at)) request.isUnsorted = true;
      else if (!mayReadAnyKeyOrReply(c, "BY")) return undefined;
    } else if (c.is(at, "get") && rest >= 1) {
      if (!mayReadAnyKeyOrReply(c, "GET")) return undefined;
      request.gets.push(new SortPattern(c, ++at));
    } else {
      c.reply.syntaxError();
      return undefined;
    }
  }
  return request;
}

/** Patterns lead to any key: whether the user may read all; if not, an error is replied. */
function mayReadAnyKeyOrReply(c: Context, option: string): boolean {
  const { acl } = c.server;
  if (!c.client.user.isRestricted || acl.readsAllKeys(c)) return true;
  c.reply.error(`ERR ${option} option of SORT denied due to insufficient ACL permissions.`);
  return false;
}

/** An argument as an int64, rounded to a double; NaN after an error. */
function longOrReply(c: Context, index: number): number {
  const value = c.integer(index);
  if (!Number.isNaN(value)) return value;
  const large = c.int64(index);
  if (large !== undefined) return Number(large);
  c.reply.notAnInteger();
  return Number.NaN;
}

function sortElements(c: Context, request: SortRequest, view: RecordView | undefined): void {
  if (view?.type === SET && request.isUnsorted && request.storeIndex !== 0) {
    // What is stored must not depend on the order in which a set happens to have its members.
    request.isUnsorted = false;
    request.isAlpha = true;
    request.by = undefined;
  }
  let count = 0;
  if (view !== undefined) {
    prepareForSort(c, view);
    count = sortableCount(c, view);
  }
  const from = Math.min(Math.max(request.offset, 0), count);
  const wanted = request.limit < 0 ? count - from : Math.min(request.limit, count - from);
  let order: Uint32Array | undefined;
  let first = from;
  if (view === undefined) {
    order = originalOrder(0);
  } else if (request.isUnsorted) {
    loadElements(c, view, elements, from, wanted, request.isDescending);
    order = originalOrder(elements.count);
    if (view.type !== SET) first = 0;
  } else {
    loadElements(c, view, elements, 0, count, false);
    const { isAlpha, isDescending, by, storeIndex } = request;
    const rules = { isAlpha, isDescending, by, isStored: storeIndex !== 0 };
    order = sortedOrder(c, elements, rules, from, from + wanted - 1);
  }
  if (order === NOT_NUMBERS) {
    return c.reply.error("ERR One or more scores can't be converted into double");
  }
  if (request.storeIndex === 0) replyResult(c, request, order, first, wanted);
  else storeResult(c, request, order, first, wanted);
}

function replyResult(
  c: Context,
  request: SortRequest,
  order: Uint32Array,
  first: number,
  wanted: number,
): void {
  const { gets } = request;
  const { bytes, ends } = elements;
  c.reply.array(wanted * Math.max(gets.length, 1));
  for (let place = first; place < first + wanted; place++) {
    const element = order[place];
    const start = elements.startOf(element);
    if (gets.length === 0) c.reply.bulk(bytes, start, ends[element]);
    for (const pattern of gets) {
      if (pattern.look(c, bytes, start, ends[element])) {
        c.reply.bulk(pattern.bytes, pattern.start, pattern.end);
      } else {
        c.reply.null();
      }
    }
  }
}

/** Stores the result as a list, in place of what the destination held. */
function storeResult(
  c: Context,
  request: SortRequest,
  order: Uint32Array,
  first: number,
  wanted: number,
): void {
  const { gets, storeIndex } = request;
  const { bytes, ends } = elements;
  for (let place = first; place < first + wanted; place++) {
    const element = order[place];
    const start = elements.startOf(element);
    if (gets.length === 0) results.add(bytes, start, ends[element]);
    for (const pattern of gets) {
      const isFound = pattern.look(c, bytes, start, ends[element]);
      if (isFound) results.add(pattern.bytes, pattern.start, pattern.end);
      else results.add(bytes, 0, 0);
    }
  }
  if (results.count === 0) {
    if (c.deleteKey(storeIndex)) {
      c.effects.changed();
      c.notify(EVENT_GENERIC, "del", storeIndex);
    }
  } else {
    storeList(c, storeIndex);
    c.effects.changed(results.count);
    c.notify(EVENT_LIST, "sortstore", storeIndex);
  }
  c.reply.integer(results.count);
}

/** Makes a list of the results. Where memory runs out nothing has changed. */
function storeList(c: Context, index: number): void {
  const { keyspace } = c.server;
  const { bytes, ends, count } = results;
  const list = newQuicklist(keyspace);
  try {
    for (let k = 0; k < count; k++) list.pushTail(bytes, results.startOf(k), ends[k]);
    const length = recordBytes(keyspace, list);
    if (length === 0) return c.storeContainer(index, list);
    const view = c.storeValue(index, LIST, LISTPACK, length);
    writeRecord(list, view.bytes, view.valueStart);
    c.db.resized(LIST, -1, count);
  } catch (error) {
    keyspace.lazyFree.discard(list);
    throw error;
  }
  keyspace.lazyFree.discard(list);
}
