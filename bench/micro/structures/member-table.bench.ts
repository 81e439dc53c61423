// Tables of members: finding, adding and drawing them, and what two tables have in common, in sizes
// that fit the caches and in ones that do not.

import { do_not_optimize } from "mitata";
import { KeyHasher } from "../../../src/base/key-hash.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { SetValue } from "../../../src/keyspace/set-value.ts";
import { TableJoin } from "../../../src/keyspace/table-join.ts";
import { NULL_REF, Pool } from "../../../src/memory/pool.ts";
import { MemberCursor } from "../../../src/structures/member-cursor.ts";
import { MemberTable } from "../../../src/structures/member-table.ts";
import { CONTAINER, NO_EXPIRY, SET } from "../../../src/structures/record.ts";
import { SetMember } from "../../../src/structures/set-member.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { seeded, shuffled } from "../../harness/data.ts";
import { checkResult } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const SIZES = sized([1000, 100_000, 1_000_000], [1000]);
const MEMBER_BYTES = 16;
const BATCH = 512;

/** Members 0 to count - 1, one after the other in one array. */
function membersOf(count: number): Uint8Array {
  const text = Array.from({ length: count }, (_, k) => String(k).padStart(MEMBER_BYTES, "m"));
  return new TextEncoder().encode(text.join(""));
}

function filled(count: number) {
  const random = seeded("member-table");
  const table = new MemberTable(
    { pool: new Pool(), hasher: new KeyHasher(random), random },
    SET,
    count,
  );
  const bytes = membersOf(count + BATCH);
  const addRange = (from: number, to: number) => {
    for (let at = from * MEMBER_BYTES; at < to * MEMBER_BYTES; at += MEMBER_BYTES) {
      const end = at + MEMBER_BYTES;
      table.insert(bytes, at, end, table.hash(bytes, at, end), 0, NO_EXPIRY);
    }
  };
  addRange(0, count);
  return { table, bytes, random, addRange };
}

benchmark("find 512 of $members members", function* (args) {
  const count = args.get("members");
  const { table, bytes, random } = filled(count);
  const order = shuffled(random, count);
  let from = 0;
  const find = () => {
    let found = 0;
    for (let k = 0; k < BATCH; k++) {
      const at = order[(from + k) % count] * MEMBER_BYTES;
      const end = at + MEMBER_BYTES;
      if (table.find(bytes, at, end, table.hash(bytes, at, end)) !== NULL_REF) found++;
    }
    from = (from + BATCH) % count;
    return found;
  };
  checkResult("members found", find(), BATCH);
  yield () => do_not_optimize(find());
})
  .args("members", SIZES)
  .gc("inner");

benchmark("add 512 to $members members and remove them", function* (args) {
  const count = args.get("members");
  const { table, bytes, addRange } = filled(count);
  const cycle = () => {
    addRange(count, count + BATCH);
    for (let k = 0; k < BATCH; k++) {
      const at = (count + k) * MEMBER_BYTES;
      const hash = table.hash(bytes, at, at + MEMBER_BYTES);
      table.remove(table.find(bytes, at, at + MEMBER_BYTES, hash), hash);
    }
    return table.size;
  };
  checkResult("members", cycle(), count);
  yield () => do_not_optimize(cycle());
  table.verify();
})
  .args("members", SIZES)
  .gc("inner");

benchmark("draw 512 of $members members", function* (args) {
  const { table } = filled(args.get("members"));
  const draw = () => {
    let drawn = 0;
    for (let k = 0; k < BATCH; k++) if (table.random() !== NULL_REF) drawn++;
    return drawn;
  };
  checkResult("members drawn", draw(), BATCH);
  yield () => do_not_optimize(draw());
})
  .args("members", SIZES)
  .gc("inner");

benchmark("walk through $members members", function* (args) {
  const count = args.get("members");
  const { table } = filled(count);
  const cursor = new MemberCursor();
  const walk = () => {
    let seen = 0;
    for (cursor.open(table); cursor.next(); ) seen++;
    return seen;
  };
  checkResult("members seen", walk(), count);
  yield () => do_not_optimize(walk());
}).args("members", SIZES);

benchmark("join two tables of $members members, half of them shared", function* (args) {
  const count = args.get("members");
  const keyspace = new Keyspace(1, seeded("join"));
  const bytes = membersOf(count * 2);
  const member = new SetMember();
  const sets = [0, count / 2].map((first) => {
    const set = new SetValue().begin(keyspace, CONTAINER, count);
    for (let k = first; k < first + count; k++) {
      member.setText(bytes, k * MEMBER_BYTES, (k + 1) * MEMBER_BYTES);
      set.add(keyspace, member);
    }
    return set;
  });
  const join = new TableJoin();
  const joined = () => {
    let shared = 0;
    for (join.open(sets, 2); join.next(); ) shared++;
    return shared;
  };
  checkResult("members shared", joined(), count / 2);
  yield () => do_not_optimize(joined());
}).args("members", SIZES);
