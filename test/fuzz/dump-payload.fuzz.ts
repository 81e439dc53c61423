// Damaged DUMP payloads with a checksum that is right: restoring one gives an error, or a value
// that passes the walker, can be dumped, and comes back from that as it is. Never anything else.

import { Xoshiro } from "../../src/base/random.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { dumpValue, payloadValues, restoreValue } from "../../src/persistence/dump-payload.ts";
import { RecordView } from "../../src/structures/record.ts";
import type { Choices } from "../harness/generate.ts";
import { SAMPLE_VALUES } from "../harness/sample-values.ts";
import { requestOf, ServerFixture } from "../unit/server/server-fixture.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const KEY = new Uint8Array([107]);
const SHORT_BYTES = 4000;
/** The version and the checksum, which `restoreValue` takes for granted. */
const TRAILER_BYTES = 10;

/** Payloads of every type and encoding that are not too long to be checked often. */
function samplePayloads(): Uint8Array[] {
  const fixture = new ServerFixture();
  const peer = fixture.connect();
  const { keyspace } = fixture;
  const payloads: Uint8Array[] = [];
  for (const { commands, key } of SAMPLE_VALUES) {
    for (const command of commands) peer.send(requestOf(...command.map(String)));
    const name = Buffer.from(key, "latin1");
    const hash = keyspace.hash(name, 0, name.length);
    const found = keyspace.databases[0].peek(keyspace.view, name, 0, name.length, hash);
    check(found !== undefined, `the sample ${key} is there`);
    payloads.push(dumpValue(payloadValues(keyspace), found).slice());
  }
  return payloads.filter(({ length }) => length < SHORT_BYTES);
}

function damage(choices: Choices, payload: Uint8Array): Uint8Array {
  const end = payload.length - TRAILER_BYTES;
  const copy = payload.slice();
  for (let k = choices.below(4); k >= 0; k--) {
    const at = choices.below(end);
    copy[at] = choices.oneIn(3) ? choices.pick([0, 1, 127, 128, 254, 255]) : choices.below(256);
  }
  if (!choices.oneIn(4)) return copy;
  // Something is missing in the middle.
  const from = choices.below(end);
  const to = Math.min(end, from + choices.below(20));
  return Uint8Array.from([...copy.subarray(0, from), ...copy.subarray(to)]);
}

export const dumpPayloadFuzzer: Fuzzer = {
  name: "dump payload",
  run(choices, steps) {
    const payloads = samplePayloads();
    const keyspace = new Keyspace(1, new Xoshiro(1));
    const view = new RecordView(keyspace.pool);
    const db = keyspace.databases[0];
    const hash = keyspace.hash(KEY, 0, KEY.length);
    for (let step = 0; step < steps; step++) {
      const payload = damage(choices, choices.pick(payloads));
      if (!restoreValue(keyspace, db, view, KEY, hash, payload)) {
        check(db.size === 0, "a refused payload leaves nothing behind");
        continue;
      }
      keyspace.verify();
      const dumped = dumpValue(payloadValues(keyspace), view).slice();
      db.deleteView(view);
      const isBack = restoreValue(keyspace, db, view, KEY, hash, dumped);
      check(isBack, "what was restored can be restored again");
      db.deleteView(view);
    }
    while (keyspace.lazyFree.run({ wallMs: () => 0, wallUs: () => 0, monotonicUs: () => 0 }, 1));
    check(keyspace.dataBytes === 0, "nothing leaks");
  },
};
