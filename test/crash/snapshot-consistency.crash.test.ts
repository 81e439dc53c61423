// Transfers in flight while a hundred snapshots are taken: each one adds up. Amounts move between
// keys, between fields of one large hash and members of one large sorted set; elements between
// sets, lists, streams and databases, by transactions and scripts as well; whole keys change their
// names and databases their numbers. SNAPSHOT_ELEMENTS=110000 makes lists and streams larger.

import { expect, test } from "bun:test";
import { RdbSaver } from "../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../src/persistence/snapshot.ts";
import { Choices } from "../harness/generate.ts";
import { loadBytes } from "../harness/rdb-bytes.ts";
import { type Peer, requestOf, ServerFixture } from "../unit/server/server-fixture.ts";

const SNAPSHOTS = 100;
const ACCOUNTS = 500;
/** Enough for a collection to be taken member by member. */
const FIELDS = 1000;
const ELEMENTS = 400;
/** Lists and streams of which one alone is taken in many slices. */
const MANY_ELEMENTS = Number(process.env.SNAPSHOT_ELEMENTS ?? 20_000);
/** Between two slices there are less than so many transfers. */
const TRANSFERS_MAX = 4;
/** Elements sent at once. */
const BATCH = 10_000;
const START = 1000;

const DIRECTIVES = `set-max-intset-entries 8
set-max-listpack-entries 8
hash-max-listpack-entries 8
zset-max-listpack-entries 8
list-max-listpack-size 8`;

function range(count: number): number[] {
  return Array.from({ length: count }, (_, k) => k);
}

function send(peer: Peer, ...commands: (string | number)[][]): void {
  peer.send(commands.map((words) => requestOf(...words.map(String))).join(""));
}

function ask(peer: Peer, ...words: string[]): string {
  peer.transport.take();
  peer.send(requestOf(...words));
  return peer.transport.take();
}

/** Fills a list and a stream each with so many elements, under a number. */
function fillSequences(peer: Peer, number: number, elements: number): void {
  for (let first = 0; first < elements; first += BATCH) {
    const some = range(Math.min(BATCH, elements - first)).map((k) => first + k);
    send(peer, ["rpush", `list:${number}`, ...some]);
    send(peer, ...some.map((k) => ["xadd", `stream:${number}`, `1-${k + 1}`, "field", k]));
    peer.transport.take();
  }
}

const MOVE_AMOUNT =
  "redis.call('decrby', KEYS[1], ARGV[1]) redis.call('incrby', KEYS[2], ARGV[1]) " +
  "redis.call('lmove', KEYS[3], KEYS[4], 'right', 'left')";

function openAccounts(peer: Peer, elements: number): void {
  for (const k of range(ACCOUNTS)) send(peer, ["set", `account:${k}`, START]);
  send(peer, ["hset", "hash", ...range(FIELDS).flatMap((k) => [`f${k}`, START])]);
  send(peer, ["zadd", "zset", ...range(FIELDS).flatMap((k) => [START, `m${k}`])]);
  send(peer, ["sadd", "set:0", ...range(ELEMENTS).map((k) => `e${k}`)]);
  send(peer, ["sadd", "set:1", ...range(ELEMENTS).map((k) => `other${k}`)]);
  fillSequences(peer, 0, elements);
  fillSequences(peer, 1, elements);
}

/** One transfer, sent at once: whoever looks between two events finds it done or not begun. */
function transfer(peer: Peer, choices: Choices): void {
  const amount = 1 + choices.below(50);
  const [from, to] = [choices.below(ACCOUNTS), choices.below(ACCOUNTS)];
  const [first, second] = [choices.below(FIELDS), choices.below(FIELDS)];
  const side = choices.below(2);
  switch (choices.below(11)) {
    case 8:
      return send(
        peer,
        ["multi"],
        ["decrby", `account:${from}`, amount],
        ["lmove", `list:${side}`, `list:${1 - side}`, "right", "left"],
        ["hincrby", "hash", `f${first}`, -amount],
        ["incrby", `account:${to}`, amount],
        ["hincrby", "hash", `f${second}`, amount],
        ["exec"],
      );
    case 9: {
      const keys = [`account:${from}`, `account:${to}`, `list:${side}`, `list:${1 - side}`];
      return send(peer, ["eval", MOVE_AMOUNT, 4, ...keys, amount]);
    }
    case 10: {
      const length = Number(ask(peer, "xlen", `stream:${side}`).slice(1));
      if (length === 0) return;
      return send(
        peer,
        ["xtrim", `stream:${side}`, "maxlen", "=", length - 1],
        ["xadd", `stream:${1 - side}`, "*", "field", amount],
      );
    }
    case 0:
    case 1:
      return send(peer, ["decrby", `account:${from}`, amount], ["incrby", `account:${to}`, amount]);
    case 2:
      return send(
        peer,
        ["hincrby", "hash", `f${first}`, -amount],
        ["hincrby", "hash", `f${second}`, amount],
      );
    case 3:
      return send(
        peer,
        ["zincrby", "zset", -amount, `m${first}`],
        ["zincrby", "zset", amount, `m${second}`],
      );
    case 4:
      return send(peer, ["smove", `set:${side}`, `set:${1 - side}`, `e${choices.below(ELEMENTS)}`]);
    case 5:
      return send(peer, ["lmove", `list:${side}`, `list:${1 - side}`, "left", "right"]);
    case 6:
      return send(
        peer,
        ["rename", "hash", "away"],
        ["rename", "away", "hash"],
        ["move", `account:${from}`, 1],
      );
    default:
      return send(
        peer,
        ["swapdb", 0, 1],
        ["select", 1],
        ["move", `account:${to}`, 0],
        ["select", 0],
        ["swapdb", 0, 1],
      );
  }
}

/** What must be the same in every snapshot. */
function balanceOf(fixture: ServerFixture): Record<string, number> {
  const peer = fixture.connect();
  const numbers = (reply: string) =>
    reply
      .split("\r\n")
      .filter((line) => /^[-\d]/.test(line))
      .map(Number);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  let accounts = 0;
  for (const db of ["0", "1"]) {
    ask(peer, "select", db);
    accounts += sum(numbers(ask(peer, "mget", ...range(ACCOUNTS).map((k) => `account:${k}`))));
  }
  ask(peer, "select", "0");
  const count = (...words: string[]) => Number(ask(peer, ...words).slice(1));
  return {
    accounts,
    hash: sum(numbers(ask(peer, "hvals", "hash"))),
    zset: sum(numbers(ask(peer, "zrange", "zset", "0", "-1", "withscores"))),
    sets: count("scard", "set:0") + count("scard", "set:1"),
    lists: count("llen", "list:0") + count("llen", "list:1"),
    streams: count("xlen", "stream:0") + count("xlen", "stream:1"),
    entries: entriesOf(peer, "stream:0") + entriesOf(peer, "stream:1"),
  };
}

/** Entries that a walk over a stream finds. */
function entriesOf(peer: Peer, key: string): number {
  return ask(peer, "xrange", key, "-", "+").split("\r\nfield\r\n").length - 1;
}

const balanceAtFirst = (elements: number) => ({
  accounts: ACCOUNTS * START,
  hash: FIELDS * START,
  zset: FIELDS * START,
  sets: 2 * ELEMENTS,
  lists: 2 * elements,
  streams: 2 * elements,
  entries: 2 * elements,
});

/** Takes snapshots among transfers; returns how many of them do not add up. */
function wrongSnapshots(
  snapshots: number,
  seed: number,
  withGate: boolean,
  elements = ELEMENTS,
): number {
  const balance = balanceAtFirst(elements);
  const choices = new Choices(seed);
  const fixture = new ServerFixture(DIRECTIVES, seed);
  const peer = fixture.connect();
  openAccounts(peer, elements);
  expect(balanceOf(fixture)).toEqual(balance);
  const { keyspace, clock } = fixture;
  let wrong = 0;
  for (let taken = 0; taken < snapshots; taken++) {
    const options = { version: 10, compresses: false, hasChecksum: true, access: "none" as const };
    const saver = new RdbSaver(keyspace, { ...options, fields: [], libraries: [] });
    saver.begin();
    const snapshot = new Snapshot(keyspace, clock, saver);
    if (!withGate) keyspace.gate = null;
    while (snapshot.step(0)) {
      for (let k = choices.below(TRANSFERS_MAX); k > 0; k--) transfer(peer, choices);
      peer.transport.take();
    }
    const restored = new ServerFixture(DIRECTIVES);
    const bytes = saver.end();
    try {
      loadBytes(bytes, restored);
      if (!Bun.deepEquals(balanceOf(restored), balance)) wrong++;
    } catch {
      wrong++;
    }
  }
  if (withGate) expect(balanceOf(fixture)).toEqual(balance);
  return wrong;
}

test(`${SNAPSHOTS} snapshots taken among transfers add up`, () => {
  expect(wrongSnapshots(SNAPSHOTS, 1, true)).toBe(0);
}, 120_000);

test(`a snapshot of lists and streams of ${MANY_ELEMENTS} adds up`, () => {
  expect(wrongSnapshots(1, 2, true, MANY_ELEMENTS)).toBe(0);
}, 600_000);

test("snapshots that nobody tells of changes do not", () => {
  expect(wrongSnapshots(2, 1, false)).toBe(2);
}, 120_000);
