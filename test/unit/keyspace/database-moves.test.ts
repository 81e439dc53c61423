import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes } from "../../../src/base/text.ts";
import { encodingName } from "../../../src/keyspace/encoding.ts";
import { PoolExhausted } from "../../../src/memory/pool.ts";
import { accessOf, STRING, setAccess } from "../../../src/structures/record.ts";
import { KeyspaceFixture } from "./keyspace-fixture.ts";

/** Copies or moves a key as COPY REPLACE, RENAME and MOVE do. */
function transfer(
  fixture: KeyspaceFixture,
  how: "copyFrom" | "moveFrom",
  from: string,
  to: string,
  target = fixture.db,
): void {
  const view = fixture.find(from)!;
  const name = latin1Bytes(to);
  const hash = fixture.keyspace.hash(name, 0, name.length);
  if (how === "copyFrom") target.copyFrom(view, name, 0, name.length, hash);
  else target.moveFrom(fixture.db, view, name, 0, name.length, hash);
}

/** Has every further allocation fail, as when memory is exhausted. */
function exhaust(fixture: KeyspaceFixture): void {
  fixture.keyspace.pool.allocate = () => {
    throw new PoolExhausted();
  };
}

function sizesOf(fixture: KeyspaceFixture, index = 0): Record<number, number> {
  const sizes: Record<number, number> = {};
  fixture.keyspace.databases[index].sizes.forEach(STRING, (least, count) => {
    sizes[least] = count;
  });
  return sizes;
}

describe("a key that is moved", () => {
  test("replaces one that the batch has looked up ahead", () => {
    for (const how of ["copyFrom", "moveFrom"] as const) {
      const fixture = new KeyspaceFixture();
      const other = fixture.keyspace.databases[3];
      fixture.set("from", "new");
      fixture.set("to", "old", undefined, other);
      const name = latin1Bytes("to");
      const hash = fixture.keyspace.hash(name, 0, name.length);
      other.table.expect(hash, other.table.peek(hash), other.table.version);
      transfer(fixture, how, "from", "to", other);
      expect(fixture.get("to", other)).toBe("new");
      expect(other.size).toBe(1);
      fixture.verify();
    }
  });

  test("takes its value, its expiry, its encoding and its access bits along", () => {
    for (const existing of [undefined, "old", "x".repeat(3000)]) {
      const fixture = new KeyspaceFixture();
      const other = fixture.keyspace.databases[3];
      fixture.set("from", "12345", 5000);
      if (existing !== undefined) fixture.set("to", existing, undefined, other);
      const { pool } = fixture.keyspace;
      setAccess(pool, fixture.find("from")!.ref, 0x123456);
      const encoding = encodingName(fixture.find("from")!);
      transfer(fixture, "moveFrom", "from", "to", other);
      expect(fixture.get("from")).toBeUndefined();
      const moved = fixture.find("to", other)!;
      expect(fixture.get("to", other)).toBe("12345");
      expect(moved.expiryMs).toBe(fixture.keyspace.nowMs + 5000);
      expect(accessOf(pool, moved.ref)).toBe(0x123456);
      expect(encodingName(moved)).toBe(encoding);
      expect([fixture.db.size, other.size, other.volatileCount]).toEqual([0, 1, 1]);
      fixture.verify();
    }
  });

  test("replaces a key that has expired, and is told of that", () => {
    const fixture = new KeyspaceFixture();
    fixture.set("to", "old", 10);
    fixture.set("from", "new");
    fixture.advance(11);
    transfer(fixture, "moveFrom", "from", "to");
    expect(fixture.get("to")).toBe("new");
    expect(fixture.keyspace.expired).toBe(1);
    expect(fixture.db.volatileCount).toBe(0);
    fixture.verify();
  });
});

describe("where memory runs out", () => {
  for (const how of ["copyFrom", "moveFrom"] as const) {
    for (const existing of [true, false]) {
      const what = existing ? "in place of another key" : "to a free key";
      test(`${how} ${what} changes nothing`, () => {
        const fixture = new KeyspaceFixture();
        fixture.set("from", "value", 1000);
        if (existing) fixture.set("to", "kept");
        exhaust(fixture);
        expect(() => transfer(fixture, how, "from", "to")).toThrow(PoolExhausted);
        expect(fixture.get("from")).toBe("value");
        expect(fixture.get("to")).toBe(existing ? "kept" : undefined);
        fixture.verify();
      });
    }
  }
});

describe("the count of strings by size", () => {
  test("puts lengths into bins by powers of two", () => {
    const fixture = new KeyspaceFixture();
    for (const length of [0, 1, 2, 3, 4, 7, 8, 1023, 1024, 70_000]) {
      fixture.set(`key:${length}`, "x".repeat(length));
    }
    expect(sizesOf(fixture)).toEqual({ 0: 1, 1: 1, 2: 2, 4: 2, 8: 1, 512: 1, 1024: 1, 65536: 1 });
  });

  test("follows SWAPDB and is empty after a flush", () => {
    const fixture = new KeyspaceFixture();
    fixture.set("key", "abc");
    fixture.keyspace.swap(0, 5);
    expect([sizesOf(fixture), sizesOf(fixture, 5)]).toEqual([{}, { 2: 1 }]);
    fixture.keyspace.clear();
    expect(sizesOf(fixture, 5)).toEqual({});
  });

  test("is right after any mix of changes", () => {
    const random = new Xoshiro(21);
    const fixture = new KeyspaceFixture();
    for (let step = 0; step < 20_000; step++) {
      const key = `key:${randomBelow(random, 50)}`;
      const view = fixture.find(key);
      const length = randomBelow(random, 1 << randomBelow(random, 12));
      const action = randomBelow(random, 7);
      if (action === 0) fixture.delete(key);
      else if (action === 1 && view) fixture.db.resizeString(view, length);
      else if (action === 2 && view) fixture.db.setExpiry(view, fixture.keyspace.nowMs + 30);
      else if (action === 3 && view) fixture.db.clearExpiry(view);
      else if (action === 4 && view) transfer(fixture, "copyFrom", key, "key:copy");
      else if (action === 5 && view) transfer(fixture, "moveFrom", key, "key:moved");
      else fixture.set(key, "v".repeat(length), step % 5 === 0 ? 30 : undefined);
      fixture.advance(1);
      if (step % 100 === 0) fixture.verify();
    }
    fixture.verify();
  });
});
