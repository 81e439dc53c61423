// A snapshot taken in small steps between random commands of every family, against the data set as
// it was when the snapshot began: loaded into another keyspace it has the same digest, and a stream
// with groups has the same groups. Every third one is written as commands instead of an RDB.

import type { Keyspace } from "../../src/keyspace/keyspace.ts";
import { CommandSaver } from "../../src/persistence/command-save.ts";
import { RdbLoader } from "../../src/persistence/rdb-load.ts";
import { RdbReader } from "../../src/persistence/rdb-reader.ts";
import { RdbSaver } from "../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../src/persistence/snapshot.ts";
import type { SnapshotOutput } from "../../src/persistence/snapshot-output.ts";
import { encodeCommand } from "../harness/client.ts";
import type { Choices } from "../harness/generate.ts";
import { randomCommands } from "../harness/random-commands.ts";
import { type Peer, requestOf, ServerFixture } from "../unit/server/server-fixture.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

/** Small compact encodings, so that most collections are containers. */
const DIRECTIVES = `enable-debug-command yes
set-max-listpack-entries 8
hash-max-listpack-entries 8
zset-max-listpack-entries 8
list-max-listpack-size 8
stream-node-max-entries 20`;
/** Enough for the walk to take a collection member by member. */
const LARGE_MEMBERS = 1500;
const COMMANDS_BETWEEN = 30;
const LIST = "k3";
const STREAM = "k4";
const LARGE = ["k0", "k1", "k2", LIST, STREAM];

function ask(peer: Peer, ...words: string[]): string {
  peer.transport.take();
  peer.send(requestOf(...words));
  return peer.transport.take();
}

/** Keys large enough to be taken part by part. */
function addLarge(peer: Peer, choices: Choices): void {
  const members = Array.from({ length: LARGE_MEMBERS }, (_, k) => `m${k * 7919}`);
  const kind = choices.below(5);
  if (kind === 3) return addList(peer, choices, members);
  if (kind === 4) return addStream(peer, choices);
  if (kind === 0) ask(peer, "sadd", "k0", ...members);
  else if (kind === 1) ask(peer, "hset", "k1", ...members.flatMap((name) => [name, "v"]));
  else ask(peer, "zadd", "k2", ...members.flatMap((name, k) => [String(k), name]));
}

function addList(peer: Peer, choices: Choices, members: string[]): void {
  if (choices.oneIn(2)) members[choices.below(LARGE_MEMBERS)] = "large".repeat(3000);
  ask(peer, "del", LIST);
  ask(peer, "rpush", LIST, ...members);
  // A first node with room, and now and then so many that a range of them is not freed at once.
  ask(peer, "lpush", LIST, "x");
  if (choices.oneIn(4)) for (let k = 0; k < 6; k++) ask(peer, "rpush", LIST, ...members);
}

function addStream(peer: Peer, choices: Choices): void {
  ask(peer, "del", STREAM);
  const count = LARGE_MEMBERS - choices.below(30);
  for (let k = 1; k <= count; k++) ask(peer, "xadd", STREAM, `${k}-1`, "field", `${k}`);
  for (const group of ["g", "h"]) {
    ask(peer, "xgroup", "create", STREAM, group, "0");
    for (let k = 0; k < 3; k++) {
      const from = ["count", String(choices.below(800) + 1), "streams", STREAM, ">"];
      ask(peer, "xreadgroup", "group", group, `c${k}`, ...from);
    }
  }
}

/** A change to the large list. */
function touchList(peer: Peer, choices: Choices): void {
  const index = () => String(choices.below(LARGE_MEMBERS));
  const text = choices.pick(["x", "y".repeat(40), "z".repeat(9000)]);
  const commands = [
    () => ["rpush", LIST, text, text],
    () => ["lpush", LIST, text],
    () => ["lpop", LIST, String(choices.below(20) + 1)],
    () => ["rpop", LIST, String(choices.below(20) + 1)],
    () => ["lset", LIST, index(), text],
    () => ["linsert", LIST, choices.pick(["before", "after"]), `m${+index() * 7919}`, text],
    () => ["lrem", LIST, String(choices.below(3) - 1), `m${+index() * 7919}`],
    () => ["ltrim", LIST, String(choices.below(100)), String(-1 - choices.below(100))],
    () => ["ltrim", LIST, choices.pick(["0", "9000"]), "-9"],
    () => ["lmove", LIST, LIST, "left", "right"],
  ];
  ask(peer, ...choices.pick(commands)());
}

/** A change to the large stream or its groups. */
function touchStream(peer: Peer, choices: Choices): void {
  const id = () => `${choices.below(LARGE_MEMBERS) + 1}-1`;
  const range = () => {
    const from = choices.below(LARGE_MEMBERS) + 1;
    return Array.from({ length: choices.below(100) + 1 }, (_, k) => `${from + k}-1`);
  };
  const group = choices.pick(["g", "h"]);
  const consumer = `c${choices.below(4)}`;
  const commands = [
    () => ["xadd", STREAM, "*", "field", "new"],
    () => ["xdel", STREAM, id(), id(), id()],
    () => ["xtrim", STREAM, "minid", String(choices.below(200))],
    () => ["xtrim", STREAM, "maxlen", "~", String(LARGE_MEMBERS - choices.below(200))],
    () => ["xack", STREAM, group, id(), id(), id()],
    () => ["xack", STREAM, group, ...range()],
    () => ["xclaim", STREAM, group, consumer, "0", id(), id(), id()],
    () => ["xclaim", STREAM, group, consumer, "0", id(), "idle", "9", "retrycount", "8"],
    () => ["xautoclaim", STREAM, group, consumer, "0", id(), "count", "7"],
    () => ["xreadgroup", "group", group, consumer, "count", "9", "streams", STREAM, ">"],
    () => ["xreadgroup", "group", group, consumer, "count", "9", "streams", STREAM, "0"],
    () => ["xsetid", STREAM, "9999999999999-1"],
    () => ["xgroup", "setid", STREAM, group, id()],
  ];
  if (choices.oneIn(20)) ask(peer, "xgroup", "delconsumer", STREAM, group, consumer);
  else if (choices.oneIn(40)) ask(peer, "xgroup", "destroy", STREAM, group);
  else ask(peer, ...choices.pick(commands)());
}

/** Changes to one member of a large collection, which random commands rarely hit. */
function touchLarge(peer: Peer, choices: Choices): void {
  if (choices.oneIn(3)) return touchList(peer, choices);
  if (choices.oneIn(2)) return touchStream(peer, choices);
  const member = `m${choices.below(LARGE_MEMBERS) * 7919}`;
  switch (choices.below(12)) {
    case 0:
      ask(peer, "srem", "k0", member);
      break;
    case 1:
      ask(peer, "sadd", "k0", `${member}x`);
      break;
    case 2:
      ask(peer, "hset", "k1", member, "changed for good and longer than it was");
      break;
    case 3:
      ask(peer, "hdel", "k1", member);
      break;
    case 4:
      ask(peer, "zincrby", "k2", "1.5", member);
      break;
    case 5:
      ask(peer, "zrem", "k2", member);
      break;
    case 6:
      ask(peer, "del", choices.pick(LARGE));
      break;
    case 7:
      ask(peer, "hpexpireat", "k1", "33177117420000", "fields", "1", member);
      break;
    case 8:
      ask(peer, "rename", choices.pick(LARGE), `k${choices.below(5)}`);
      break;
    default:
      ask(peer, "hset", "k1", `${member}new`, "value");
  }
}

/** What is compared: a digest of everything, and what it does not cover of the stream. */
function describe(peer: Peer, isWhole: boolean): string {
  const digest = ask(peer, "debug", "digest");
  if (isWhole) return digest + ask(peer, "xinfo", "stream", STREAM, "full", "count", "0");
  // Commands do not say when a consumer was seen, nor how entries are spread over blocks, and
  // XCLAIM makes nothing pending that the stream does not have any more.
  const ids = new Set(ask(peer, "xrange", STREAM, "-", "+").match(/\d+-\d+/g));
  const pending = ["g", "h"].flatMap((group) => {
    const rows = ask(peer, "xpending", STREAM, group, "-", "+", String(LARGE_MEMBERS * 2));
    return rows.split("*4").filter((row) => ids.has(/\d+-\d+/.exec(row)?.[0] ?? ""));
  });
  return digest + pending.join("");
}

/** Has a snapshot's bytes loaded: those of an RDB, or commands. */
function load(fixture: ServerFixture, bytes: Uint8Array, isRdb: boolean): void {
  if (!isRdb) {
    const peer = fixture.connect();
    peer.send(Buffer.from(bytes).toString("latin1"));
    check(!peer.transport.take().includes("\r\n-"), "no command of a snapshot fails");
    return;
  }
  const reader = RdbReader.over(bytes, 0, bytes.length);
  const loader = new RdbLoader(reader, {
    keyspace: fixture.keyspace,
    clock: fixture.clock,
    dropsExpired: false,
    verifiesChecksum: true,
  });
  while (loader.step(Number.POSITIVE_INFINITY));
}

function saverFor(keyspace: Keyspace, choices: Choices, isRdb: boolean): SnapshotOutput {
  if (!isRdb) return new CommandSaver(keyspace, false, []);
  return new RdbSaver(keyspace, {
    version: 12,
    compresses: choices.oneIn(2),
    hasChecksum: true,
    access: "none",
    fields: [],
    libraries: [],
  });
}

export const snapshotFuzzer: Fuzzer = {
  name: "snapshot",
  run(choices, steps) {
    const fixture = new ServerFixture(DIRECTIVES, choices.below(1000));
    const peer = fixture.connect();
    const { keyspace, clock } = fixture;
    const commands = randomCommands(choices, (name) => {
      return fixture.server.registry.find(Buffer.from(name), 0, name.length) !== undefined;
    });
    // Random commands may select another database.
    const other = fixture.connect();
    const send = () => {
      other.send(encodeCommand(commands.next().value));
    };
    for (let done = 0; done < steps; ) {
      for (let k = 0; k < 60; k++) send();
      for (let k = choices.below(4); k > 0; k--) addLarge(peer, choices);
      done += 60;
      const isRdb = !choices.oneIn(3);
      const beganMs = clock.wallMs();
      const before = describe(peer, isRdb);
      const saver = saverFor(keyspace, choices, isRdb);
      saver.begin();
      const snapshot = new Snapshot(keyspace, clock, saver);
      const isAborted = choices.oneIn(10);
      while (snapshot.step(0)) {
        for (let k = choices.below(COMMANDS_BETWEEN); k > 0; k--, done++) {
          if (choices.oneIn(2)) touchLarge(peer, choices);
          else send();
        }
        if (isAborted && choices.oneIn(3)) snapshot.abort();
        while (keyspace.lazyFree.run(clock, 0)) {}
      }
      check(keyspace.gate === null, "a finished snapshot leaves no gate");
      keyspace.verify();
      const bytes = saver.end();
      if (isAborted) continue;
      const copy = new ServerFixture(DIRECTIVES);
      copy.advance(beganMs - copy.clock.wallMs());
      load(copy, bytes, isRdb);
      copy.keyspace.verify();
      const after = describe(copy.connect(), isRdb);
      check(after === before, "a snapshot is of the instant it began");
    }
  },
};
