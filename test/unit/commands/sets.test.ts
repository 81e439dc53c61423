import { describe, expect, test } from "bun:test";
import { chiSquare } from "../keyspace/keyspace-fixture.ts";
import { bulk, NULL_REPLY, StringFixture } from "./strings-fixture.ts";

function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, k) => `${prefix}${k}`);
}

/** The bulk strings of an array or set reply. */
function members(reply: string): string[] {
  const lines = reply.split("\r\n");
  return lines.slice(1, -1).filter((_, k) => k % 2 === 1);
}

/** Far above what chance gives. */
function chiSquareLimit(cells: number): number {
  return cells - 1 + 6 * Math.sqrt(2 * (cells - 1));
}

/** Sets of 20 members each, by encoding. */
const TWENTY: Readonly<Record<string, readonly string[]>> = {
  intset: texts("", 20),
  listpack: texts("m", 20),
  hashtable: [...texts("m", 19), "x".repeat(65)],
};

describe("effects", () => {
  test("SADD, SREM and SMOVE are propagated as they came, where they changed anything", () => {
    const db = new StringFixture();
    db.run("SADD", "s", "1", "2", "1");
    db.run("SADD", "s", "1");
    db.run("SREM", "s", "9");
    db.run("SREM", "s", "2", "9");
    db.run("SMOVE", "s", "t", "9");
    db.run("SMOVE", "s", "s", "1");
    db.run("SMOVE", "s", "t", "1");
    expect(db.propagated()).toEqual(["SADD s 1 2 1", "SREM s 2 9", "SMOVE s t 1"]);
  });

  test("results are propagated as they came, an empty one where it deleted something", () => {
    const db = new StringFixture();
    db.run("SADD", "s", "1", "2");
    db.run("SADD", "t", "2");
    db.propagated();
    db.run("SINTERSTORE", "d", "s", "t");
    db.run("SINTERSTORE", "d", "s", "none");
    db.run("SINTERSTORE", "d", "s", "none");
    db.run("SUNIONSTORE", "d", "s", "t");
    db.run("SDIFFSTORE", "d", "t", "s");
    db.run("SDIFFSTORE", "d", "t", "s");
    expect(db.propagated()).toEqual([
      ...["SINTERSTORE d s t", "SINTERSTORE d s none", "SUNIONSTORE d s t", "SDIFFSTORE d t s"],
    ]);
  });

  test("SPOP is propagated as the removal of what it took", () => {
    for (const set of Object.values(TWENTY)) {
      const db = new StringFixture();
      db.run("SADD", "s", ...set);
      db.propagated();
      const [, member] = db.run("SPOP", "s").split("\r\n");
      expect(db.propagated()).toEqual([`SREM s ${member}`]);
      const taken = members(db.run("SPOP", "s", "5"));
      expect(taken.length).toBe(5);
      expect(db.propagated()).toEqual([`SREM s ${taken.join(" ")}`]);
      db.run("SPOP", "s", "0");
      expect(db.propagated()).toEqual([]);
      db.run("SPOP", "s", "100");
      expect(db.propagated()).toEqual(["DEL s"]);
      db.run("SADD", "s", "last");
      db.propagated();
      db.run("SPOP", "s");
      expect(db.propagated()).toEqual(["SREM s last"]);
      db.run("SADD", "s", "last");
      db.propagated();
      db.flags.add("lazyfree-lazy-server-del");
      db.run("SPOP", "s", "1");
      expect(db.propagated()).toEqual(["UNLINK s"]);
    }
  });

  test("SPOP of very many is propagated in batches of 1,024", () => {
    const db = new StringFixture();
    db.run("SADD", "s", ...texts("m", 3000));
    db.propagated();
    const taken = members(db.run("SPOP", "s", "2500"));
    expect(new Set(taken).size).toBe(2500);
    const effects = db.propagated();
    expect(effects.map((effect) => effect.split(" ").length)).toEqual([1, 1026, 1026, 454, 1]);
    const removed = effects.slice(1, -1).flatMap((effect) => effect.split(" ").slice(2));
    expect(removed).toEqual(taken);
    expect(db.run("SCARD", "s")).toBe(":500\r\n");
  });
});

describe("chance", () => {
  for (const [encoding, set] of Object.entries(TWENTY)) {
    const counted = (draw: (db: StringFixture) => readonly string[], rounds: number) => {
      const db = new StringFixture();
      const counts = new Map(set.map((member) => [member, 0]));
      db.run("SADD", "s", ...set);
      expect(db.encoding("s")).toBe(encoding);
      for (let k = 0; k < rounds; k++) {
        for (const member of draw(db)) counts.set(member, counts.get(member)! + 1);
      }
      expect(counts.size).toBe(set.length);
      return chiSquare([...counts.values()]);
    };
    const limit = chiSquareLimit(set.length);

    test(`SRANDMEMBER is fair to the members of a set of encoding ${encoding}`, () => {
      expect(counted((db) => [db.run("SRANDMEMBER", "s").split("\r\n")[1]], 3000)).toBeLessThan(
        limit,
      );
      expect(counted((db) => members(db.run("SRANDMEMBER", "s", "-30")), 200)).toBeLessThan(limit);
      for (const count of ["2", "7", "15"]) {
        expect(counted((db) => members(db.run("SRANDMEMBER", "s", count)), 500)).toBeLessThan(
          limit,
        );
      }
    });

    test(`SPOP is fair to the members of a set of encoding ${encoding}`, () => {
      const popped = (...count: string[]) =>
        counted((db) => {
          const reply = db.run("SPOP", "s", ...count);
          const taken = count.length > 0 ? members(reply) : [reply.split("\r\n")[1]];
          db.run("SREM", "s", ...set);
          db.run("SADD", "s", ...set);
          return taken;
        }, 500);
      for (const count of [[], ["2"], ["15"], ["19"]]) {
        expect(popped(...count)).toBeLessThan(limit);
      }
    });
  }
});

describe("memory", () => {
  /** Lets the pool fail once so many more allocations have been made. */
  function failAfter(db: StringFixture, allocations: number): () => void {
    const { pool } = db.keyspace;
    const allocate = pool.allocate.bind(pool);
    let left = allocations;
    pool.allocate = (byteCount) => {
      if (left-- <= 0) throw new RangeError("out of memory");
      return allocate(byteCount);
    };
    return () => {
      pool.allocate = allocate;
    };
  }

  const all = texts("member:", 300);
  const commands: readonly (readonly string[])[] = [
    ["SADD", "table", "member:5", ...texts("new:", 200), "member:5"],
    ["SADD", "small", ...texts("new:", 200)],
    ["SADD", "ints", "1", "text", "2", ...texts("new:", 200)],
    ["SADD", "fresh", ...texts("new:", 200)],
    ["SMOVE", "table", "small", "member:5"],
    ["SMOVE", "table", "fresh", "member:5"],
    ["SUNIONSTORE", "table", "table", "small", "ints"],
    ["SINTERSTORE", "small", "table", "table"],
    ["SDIFFSTORE", "ints", "table", "small"],
    ["SUNIONSTORE", "fresh", "ints", "small"],
  ];

  test("a lack of it leaves every set as it was", () => {
    for (const command of commands) {
      const db = new StringFixture();
      db.run("SADD", "table", ...all);
      db.run("SADD", "small", ...texts("member:", 100));
      db.run("SADD", "ints", ...texts("", 100));
      const keys = ["table", "small", "ints", "fresh"];
      const look = () => keys.map((key) => members(db.run("SMEMBERS", key)).sort());
      const before = look();
      let isDone = false;
      for (let allocations = 0; !isDone; allocations += 1 + Math.floor(allocations / 4)) {
        const restore = failAfter(db, allocations);
        try {
          db.run(...command);
          isDone = true;
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
        restore();
        db.keyspace.verify();
        if (!isDone) expect(look()).toEqual(before);
      }
    }
  });

  test("a set that is gone leaves nothing behind", () => {
    const db = new StringFixture();
    const empty = db.keyspace.usedBytes;
    db.run("SADD", "s", ...texts("m", 5000));
    db.run("SUNIONSTORE", "t", "s", "s");
    db.run("SPOP", "s", "4999");
    expect(db.encoding("s")).toBe("listpack");
    db.run("SPOP", "s");
    db.run("SREM", "t", ...texts("m", 5000));
    while (db.keyspace.lazyFree.run(db.clock, 1e9));
    expect(db.run("SCARD", "s") + db.run("SCARD", "t")).toBe(":0\r\n:0\r\n");
    expect(db.keyspace.usedBytes).toBe(empty);
  });

  test("a million members take less than 40 bytes each", () => {
    const db = new StringFixture();
    const count = 100_000;
    for (let from = 0; from < count; from += 10_000) {
      const some = Array.from({ length: 10_000 }, (_, k) => `member:${from + k}`.padEnd(16, "x"));
      db.run("SADD", "s", ...some);
    }
    expect(db.keyspace.usedBytes / count).toBeLessThan(36);
  });
});

test("a count of repeated members that nobody could receive is refused", () => {
  const db = new StringFixture();
  db.run("SADD", "s", "1");
  expect(db.run("SRANDMEMBER", "s", "-1000000000000")).toBe("-ERR value is out of range\r\n");
  expect(db.run("SRANDMEMBER", "none", "-1000000000000")).toBe("*0\r\n");
  expect(db.run("SRANDMEMBER", "s", "-3")).toBe(`*3\r\n${bulk("1").repeat(3)}`);
  expect(db.run("SRANDMEMBER", "none")).toBe(NULL_REPLY);
});

test("sets of very many keys are combined", () => {
  const db = new StringFixture();
  const keys = texts("key:", 300);
  for (const [k, key] of keys.entries())
    db.run("SADD", key, "common", `own:${k}`, ...texts("m", 9));
  const everywhere = ["common", ...texts("m", 9)].sort();
  expect(members(db.run("SINTER", ...keys)).sort()).toEqual(everywhere);
  expect(members(db.run("SUNION", ...keys)).length).toBe(310);
  expect(members(db.run("SDIFF", ...keys))).toEqual(["own:0"]);
  expect(db.run("SINTERCARD", "300", ...keys, "LIMIT", "4")).toBe(":4\r\n");
  expect(db.run("SUNIONSTORE", "d", ...keys)).toBe(":310\r\n");
});

test("large tables of unlike size are combined", () => {
  const db = new StringFixture();
  db.run("SADD", "large", ...texts("m", 20_000));
  db.run("SADD", "medium", ...texts("m", 5000), ...texts("x", 1000));
  db.run("SADD", "small", ...texts("m", 200), ...texts("y", 100), ...texts("x", 10));
  expect(db.run("SINTERCARD", "2", "large", "medium")).toBe(":5000\r\n");
  expect(db.run("SINTERCARD", "2", "large", "small")).toBe(":200\r\n");
  expect(db.run("SINTERCARD", "3", "small", "large", "medium")).toBe(":200\r\n");
  expect(members(db.run("SDIFF", "medium", "large")).sort()).toEqual(texts("x", 1000).sort());
  expect(members(db.run("SDIFF", "small", "large", "medium")).sort()).toEqual(
    texts("y", 100).sort(),
  );
  expect(members(db.run("SUNION", "medium", "small")).length).toBe(6100);
  expect(db.run("SUNIONSTORE", "d", "large", "medium", "small")).toBe(":21100\r\n");
  expect(db.run("SDIFFSTORE", "d", "large", "medium")).toBe(":15000\r\n");
  expect(db.run("SINTERSTORE", "d", "large", "medium", "medium")).toBe(":5000\r\n");
});
