// Streams: appending and trimming as a queue does, walking, and a group's cycle of delivery and
// acknowledgement.

import { do_not_optimize } from "mitata";
import { KeyHasher } from "../../../src/base/key-hash.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes } from "../../../src/base/text.ts";
import { Pool } from "../../../src/memory/pool.ts";
import { Stream, TrimBounds } from "../../../src/structures/stream.ts";
import { StreamCursor } from "../../../src/structures/stream-cursor.ts";
import { StreamId } from "../../../src/structures/stream-id.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { checkResult } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const SIZES = sized([1000, 1_000_000], [1000]);
const BATCH = 512;
const NODE_BYTES = 4096;
const NODE_ENTRIES = 100;

const BYTES = latin1Bytes("fieldvalue");
const FIELD_AND_VALUE = {
  bytes: BYTES,
  start: (index: number) => index * 5,
  end: (index: number) => index * 5 + 5,
};

/** A stream and the ID of its newest entry. */
class Filled {
  readonly id = new StreamId();
  readonly stream: Stream;

  constructor(count: number) {
    const random = new Xoshiro(1);
    this.stream = new Stream({ pool: new Pool(), hasher: new KeyHasher(random), random });
    this.id.setTime(1_700_000_000_000);
    for (let k = 0; k < count; k++) this.append();
  }

  append(): void {
    this.id.increment();
    this.stream.append(this.id, FIELD_AND_VALUE, 0, 1, NODE_BYTES, NODE_ENTRIES);
  }
}

benchmark("append 512 to $entries and trim to as many as before", function* (args) {
  const count = args.get("entries");
  const filled = new Filled(count);
  const bounds = new TrimBounds();
  bounds.length = count;
  const cycle = () => {
    for (let k = 0; k < BATCH; k++) filled.append();
    filled.stream.trim(bounds);
    return filled.stream.size;
  };
  checkResult("size", cycle(), count);
  yield () => do_not_optimize(cycle());
  filled.stream.verify();
})
  .args("entries", SIZES)
  .gc("inner");

benchmark("walk 512 of $entries from the middle", function* (args) {
  const count = args.get("entries");
  const { id, stream } = new Filled(count);
  const from = new StreamId();
  from.copy(id);
  from.seqLow -= count >>> 1;
  const cursor = new StreamCursor();
  const walk = () => {
    cursor.start(stream, from, id);
    let walked = 0;
    while (walked < BATCH && cursor.next()) walked++;
    return walked;
  };
  checkResult("entries", walk(), Math.min(BATCH, (count >>> 1) + 1));
  yield () => do_not_optimize(walk());
})
  .args("entries", SIZES)
  .gc("inner");

benchmark("deliver 512 beside $entries pending and acknowledge the oldest", function* (args) {
  const count = args.get("entries");
  const { stream } = new Filled(1);
  const group = stream.addGroup(BYTES, 0, 5);
  const consumer = group.addConsumer(BYTES, 5, 10, 0);
  const [newest, oldest] = [new StreamId(), new StreamId()];
  const deliver = () => {
    newest.increment();
    group.deliver(newest, consumer, 1);
  };
  for (let k = 0; k < count; k++) deliver();
  const cycle = () => {
    for (let k = 0; k < BATCH; k++) {
      deliver();
      oldest.increment();
      group.acknowledge(oldest);
    }
    return group.pending.count;
  };
  checkResult("pending", cycle(), count);
  yield () => do_not_optimize(cycle());
  stream.verify();
})
  .args("entries", SIZES)
  .gc("inner");
