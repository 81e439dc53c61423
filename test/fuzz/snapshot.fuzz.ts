// A snapshot taken in small steps between random commands of every family, against the data set as
// it was when the snapshot began: loaded into another keyspace it has the same digest.

import { RdbLoader } from "../../src/persistence/rdb-load.ts";
import { RdbReader } from "../../src/persistence/rdb-reader.ts";
import { RdbSaver } from "../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../src/persistence/snapshot.ts";
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
list-max-listpack-size 8`;
/** Enough for the walk to take a collection member by member. */
const LARGE_MEMBERS = 1500;
const COMMANDS_BETWEEN = 30;

function ask(peer: Peer, ...words: string[]): string {
  peer.transport.take();
  peer.send(requestOf(...words));
  return peer.transport.take();
}

/** Three keys large enough to be taken member by member. */
function addLarge(peer: Peer, choices: Choices): void {
  const members = Array.from({ length: LARGE_MEMBERS }, (_, k) => `m${k * 7919}`);
  const kind = choices.below(3);
  if (kind === 0) ask(peer, "sadd", "k0", ...members);
  else if (kind === 1) ask(peer, "hset", "k1", ...members.flatMap((name) => [name, "v"]));
  else ask(peer, "zadd", "k2", ...members.flatMap((name, k) => [String(k), name]));
}

/** Changes to one member of a large collection, which random commands rarely hit. */
function touchLarge(peer: Peer, choices: Choices): void {
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
      ask(peer, "del", choices.pick(["k0", "k1", "k2"]));
      break;
    case 7:
      ask(peer, "hpexpireat", "k1", "33177117420000", "fields", "1", member);
      break;
    case 8:
      ask(peer, "rename", choices.pick(["k0", "k1", "k2"]), `k${choices.below(5)}`);
      break;
    default:
      ask(peer, "hset", "k1", `${member}new`, "value");
  }
}

/** The digest of what a snapshot's bytes hold. */
function digestOf(bytes: Uint8Array): string {
  const fixture = new ServerFixture(DIRECTIVES);
  const reader = RdbReader.over(bytes, 0, bytes.length);
  const loader = new RdbLoader(reader, {
    keyspace: fixture.keyspace,
    clock: fixture.clock,
    dropsExpired: false,
    verifiesChecksum: true,
  });
  while (loader.step(Number.POSITIVE_INFINITY));
  fixture.keyspace.verify();
  return ask(fixture.connect(), "debug", "digest");
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
    const send = () => {
      peer.send(encodeCommand(commands.next().value));
    };
    for (let done = 0; done < steps; ) {
      for (let k = 0; k < 60; k++) send();
      for (let k = choices.below(4); k > 0; k--) addLarge(peer, choices);
      done += 60;
      const before = ask(peer, "debug", "digest");
      const saver = new RdbSaver(keyspace, {
        version: 12,
        compresses: choices.oneIn(2),
        hasChecksum: true,
        access: "none",
        fields: [],
        libraries: [],
      });
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
      if (!isAborted) check(digestOf(bytes) === before, "a snapshot is of the instant it began");
    }
  },
};
