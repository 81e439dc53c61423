import { expect, test } from "bun:test";
import { listCommands } from "../../../src/commands/lists.ts";
import { setCommands } from "../../../src/commands/sets.ts";
import { sortCommands } from "../../../src/commands/sort.ts";
import { PoolExhausted } from "../../../src/memory/pool.ts";
import { bulks, GenericFixture, integer } from "./generic-fixture.ts";

function fixtureWith(...numbers: string[]): GenericFixture {
  const fixture = new GenericFixture([listCommands, setCommands, sortCommands]);
  fixture.run("RPUSH", "l", ...numbers);
  fixture.propagated();
  return fixture;
}

test("SORT is propagated as it came, and only where it stores", () => {
  const fixture = fixtureWith("3", "1", "2");
  expect(fixture.run("SORT", "l")).toBe(bulks("1", "2", "3"));
  expect(fixture.propagated()).toEqual([]);
  expect(fixture.run("SORT", "l", "DESC", "STORE", "d")).toBe(integer(3));
  expect(fixture.run("SORT", "absent", "STORE", "d")).toBe(integer(0));
  expect(fixture.run("SORT", "absent", "STORE", "d")).toBe(integer(0));
  expect(fixture.propagated()).toEqual(["SORT l DESC STORE d", "SORT absent STORE d"]);
});

test("a set is stored in an order that does not depend on how it is kept", () => {
  const fixture = fixtureWith("1");
  fixture.run("SADD", "s", "b", "c", "a");
  expect(fixture.run("SORT", "s", "BY", "nosort", "STORE", "d")).toBe(integer(3));
  expect(fixture.run("SORT", "d", "BY", "nosort")).toBe(bulks("a", "b", "c"));
});

test("one element that is no number spoils the result, and changes nothing", () => {
  const fixture = fixtureWith("1", "two");
  fixture.run("SET", "d", "old");
  fixture.propagated();
  const error = "-ERR One or more scores can't be converted into double\r\n";
  expect(fixture.run("SORT", "l", "STORE", "d")).toBe(error);
  expect(fixture.propagated()).toEqual([]);
  expect(fixture.run("SORT", "l", "ALPHA")).toBe(bulks("1", "two"));
});

test("keys longer than any before are put together", () => {
  const name = "n".repeat(5000);
  const fixture = fixtureWith(name);
  fixture.run("SET", `${name}${name}`, "value");
  expect(fixture.run("SORT", "l", "ALPHA", "GET", `${name}*`)).toBe(bulks("value"));
});

test("where memory runs out, the destination keeps what it has", () => {
  const fixture = fixtureWith("2", "1");
  fixture.run("SET", "d", "old");
  const { pool } = fixture.keyspace;
  const allocate = pool.allocate.bind(pool);
  for (let allowed = 0; ; allowed++) {
    let rest = allowed;
    pool.allocate = (size) => {
      if (rest-- === 0) throw new PoolExhausted();
      return allocate(size);
    };
    let isDone = true;
    try {
      fixture.run("SORT", "l", "STORE", "d");
    } catch (error) {
      expect(error).toBeInstanceOf(PoolExhausted);
      isDone = false;
    }
    pool.allocate = allocate;
    fixture.keyspace.verify();
    expect(fixture.run("TYPE", "d")).toBe(isDone ? "+list\r\n" : "+string\r\n");
    if (isDone) break;
    expect(allowed).toBeLessThan(20);
  }
  expect(fixture.run("SORT", "d", "DESC")).toBe(bulks("2", "1"));
});
