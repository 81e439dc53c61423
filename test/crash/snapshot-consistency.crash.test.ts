// Transfers in flight while a hundred snapshots are taken: each one adds up. Amounts move between
// keys, between fields of one large hash and members of one large sorted set; elements between
// sets, lists and databases; whole keys change their names and databases their numbers.

import { expect, test } from "bun:test";
import { RdbSaver } from "../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../src/persistence/snapshot.ts";
import { Choices } from "../harness/generate.ts";
import { loadBytes } from "../harness/rdb-bytes.ts";
import { type Peer, requestOf, ServerFixture } from "../unit/server/server-fixture.ts";

const SNAPSHOTS = 100;
const ACCOUNTS = 500;
/** Enough for a collection to be taken member by member. */
const FIELDS = 1500;
const ELEMENTS = 800;
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

function openAccounts(peer: Peer): void {
  for (const k of range(ACCOUNTS)) send(peer, ["set", `account:${k}`, START]);
  send(peer, ["hset", "hash", ...range(FIELDS).flatMap((k) => [`f${k}`, START])]);
  send(peer, ["zadd", "zset", ...range(FIELDS).flatMap((k) => [START, `m${k}`])]);
  send(peer, ["sadd", "set:0", ...range(ELEMENTS).map((k) => `e${k}`)]);
  send(peer, ["sadd", "set:1", ...range(ELEMENTS).map((k) => `other${k}`)]);
  send(peer, ["rpush", "list:0", ...range(ELEMENTS)]);
  send(peer, ["rpush", "list:1", ...range(ELEMENTS)]);
}

/** One transfer, sent at once: whoever looks between two events finds it done or not begun. */
function transfer(peer: Peer, choices: Choices): void {
  const amount = 1 + choices.below(50);
  const [from, to] = [choices.below(ACCOUNTS), choices.below(ACCOUNTS)];
  const [first, second] = [choices.below(FIELDS), choices.below(FIELDS)];
  const side = choices.below(2);
  switch (choices.below(8)) {
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
  };
}

const BALANCE = {
  accounts: ACCOUNTS * START,
  hash: FIELDS * START,
  zset: FIELDS * START,
  sets: 2 * ELEMENTS,
  lists: 2 * ELEMENTS,
};

/** Takes snapshots among transfers; returns how many of them do not add up. */
function wrongSnapshots(snapshots: number, seed: number, withGate: boolean): number {
  const choices = new Choices(seed);
  const fixture = new ServerFixture(DIRECTIVES, seed);
  const peer = fixture.connect();
  openAccounts(peer);
  expect(balanceOf(fixture)).toEqual(BALANCE);
  const { keyspace, clock } = fixture;
  let wrong = 0;
  for (let taken = 0; taken < snapshots; taken++) {
    const options = { version: 10, compresses: false, hasChecksum: true, access: "none" as const };
    const saver = new RdbSaver(keyspace, { ...options, fields: [], libraries: [] });
    saver.begin();
    const snapshot = new Snapshot(keyspace, clock, saver);
    if (!withGate) keyspace.gate = null;
    while (snapshot.step(0)) {
      for (let k = choices.below(20); k > 0; k--) transfer(peer, choices);
      peer.transport.take();
    }
    const restored = new ServerFixture(DIRECTIVES);
    const bytes = saver.end();
    try {
      loadBytes(bytes, restored);
      if (!Bun.deepEquals(balanceOf(restored), BALANCE)) wrong++;
    } catch {
      wrong++;
    }
  }
  if (withGate) expect(balanceOf(fixture)).toEqual(BALANCE);
  return wrong;
}

test(`${SNAPSHOTS} snapshots taken among transfers add up`, () => {
  expect(wrongSnapshots(SNAPSHOTS, 1, true)).toBe(0);
}, 60_000);

test("snapshots that nobody tells of changes do not", () => {
  expect(wrongSnapshots(5, 1, false)).toBe(5);
});
