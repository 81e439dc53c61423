// Large lists: a queue of elements, ranges written into a reply, and finding and changing elements
// in the middle.

import { do_not_optimize } from "mitata";
import { latin1Bytes } from "../../../src/base/text.ts";
import { Pool } from "../../../src/memory/pool.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { ListCursor } from "../../../src/structures/list-cursor.ts";
import { replyEntries } from "../../../src/structures/listpack-reply.ts";
import { Quicklist } from "../../../src/structures/quicklist.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { checkResult } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const SIZES = sized([1000, 1_000_000], [1000]);
const BATCH = 512;
const FILL = -2;
const ELEMENT = latin1Bytes("xxx");

function filled(count: number): Quicklist {
  const list = new Quicklist(new Pool(), FILL, { listPackedThreshold: 0, listCompressDepth: 0 });
  for (let k = 0; k < count; k++) list.pushTail(ELEMENT, 0, ELEMENT.length);
  return list;
}

benchmark("push 512 at the head of $elements and pop 512 at the tail", function* (args) {
  const count = args.get("elements");
  const list = filled(count);
  const cycle = () => {
    for (let k = 0; k < BATCH; k++) list.pushHead(ELEMENT, 0, ELEMENT.length);
    for (let k = 0; k < BATCH; k++) list.dropTail();
    return list.size;
  };
  checkResult("size", cycle(), count);
  yield () => do_not_optimize(cycle());
  list.verify();
})
  .args("elements", SIZES)
  .gc("inner");

benchmark("write 600 of $elements into a reply", function* (args) {
  const list = filled(args.get("elements"));
  const cursor = new ListCursor();
  const reply = new ReplyWriter();
  const write = () => {
    reply.clear();
    cursor.openList(list);
    cursor.seek(0);
    replyEntries(reply, cursor.bytes, cursor.at, cursor.nodeEnd, 600);
    return reply.length;
  };
  checkResult("bytes", write(), 600 * "$3\r\nxxx\r\n".length);
  yield () => do_not_optimize(write());
})
  .args("elements", SIZES)
  .gc("inner");

benchmark("insert in the middle of $elements and remove", function* (args) {
  const count = args.get("elements");
  const list = filled(count);
  const cycle = () => {
    list.locate(count >>> 1);
    list.insert(list.node, list.rank, list.at, true, ELEMENT, 0, ELEMENT.length);
    list.locate(count >>> 1);
    list.remove(list.node, list.rank, list.at);
    return list.size;
  };
  checkResult("size", cycle(), count);
  yield () => do_not_optimize(cycle());
  list.verify();
})
  .args("elements", SIZES)
  .gc("inner");
