// One battery for everything that can be sorted, in every form it can have: the form may show in
// the order of what is not sorted, nowhere else.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";
import { array } from "./replies.ts";

interface Form {
  readonly title: string;
  readonly encoding: string;
  readonly config: string;
  readonly add: (element: string, place: number) => string[];
}

const rpush = (element: string) => ["rpush", "key", element];
const sadd = (element: string) => ["sadd", "key", element];
const zadd = (element: string, place: number) => ["zadd", "key", `${place}`, element];

const FORMS: readonly Form[] = [
  { title: "a list in its record", encoding: "listpack", config: "", add: rpush },
  {
    title: "a large list",
    encoding: "quicklist",
    config: "list-max-listpack-size 2",
    add: rpush,
  },
  { title: "a set of integers", encoding: "intset", config: "", add: sadd },
  {
    title: "a set in its record",
    encoding: "listpack",
    config: "set-max-intset-entries 0",
    add: sadd,
  },
  {
    title: "a large set",
    encoding: "hashtable",
    config: "set-max-intset-entries 2\nset-max-listpack-entries 0",
    add: sadd,
  },
  { title: "a sorted set in its record", encoding: "listpack", config: "", add: zadd },
  {
    title: "a large sorted set",
    encoding: "skiplist",
    config: "zset-max-listpack-entries 0",
    add: zadd,
  },
];

const ELEMENTS = ["5", "30", "-7", "9007199254740993", "100", "9", "41", "2"];
const ASCENDING = ["-7", "2", "5", "9", "30", "41", "100", "9007199254740993"];
const ALPHABETIC = ["-7", "100", "2", "30", "41", "5", "9", "9007199254740993"];

function setUp(form: Form) {
  const { ask } = new ServerFixture(form.config).connect();
  ELEMENTS.forEach((element, place) => {
    ask(...form.add(element, place));
  });
  for (const element of ELEMENTS) {
    ask("set", `weight_${element}`, `${ASCENDING.length - ASCENDING.indexOf(element)}`);
  }
  return ask;
}

describe.each(FORMS)("$title", (form) => {
  test("has the form that is meant", () => {
    const { encoding } = form;
    expect(setUp(form)("object", "encoding", "key")).toBe(`$${encoding.length}\r\n${encoding}\r\n`);
  });

  test("is sorted by number, by text and by weights", () => {
    const ask = setUp(form);
    expect(ask("sort", "key")).toBe(array(...ASCENDING));
    expect(ask("sort", "key", "desc")).toBe(array(...ASCENDING.toReversed()));
    expect(ask("sort_ro", "key", "alpha")).toBe(array(...ALPHABETIC));
    expect(ask("sort", "key", "by", "weight_*")).toBe(array(...ASCENDING.toReversed()));
    expect(
      ask("sort", "key", "by", "weight_*", "limit", "1", "2", "get", "#", "get", "weight_*"),
    ).toBe(array("100", "2", "41", "3"));
  });

  test("gives a range of what is sorted", () => {
    const ask = setUp(form);
    expect(ask("sort", "key", "limit", "2", "3")).toBe(array("5", "9", "30"));
    expect(ask("sort", "key", "limit", "6", "30")).toBe(array("100", "9007199254740993"));
    expect(ask("sort", "key", "limit", "8", "1")).toBe("*0\r\n");
  });

  test("is stored as a list, under its own key, too", () => {
    const ask = setUp(form);
    expect(ask("sort", "key", "store", "key")).toBe(":8\r\n");
    expect(ask("lrange", "key", "0", "-1")).toBe(array(...ASCENDING));
    expect(ask("sort", "key", "desc", "limit", "0", "1", "store", "key")).toBe(":1\r\n");
    expect(ask("lrange", "key", "0", "-1")).toBe(array("9007199254740993"));
  });

  test("keeps its order where none is asked for, but for sets", () => {
    const ask = setUp(form);
    const unsorted = ask("sort", "key", "by", "nosort").split("\r\n");
    expect(unsorted.filter((line) => ELEMENTS.includes(line)).sort()).toEqual([...ELEMENTS].sort());
    if (form.add === sadd) return;
    expect(ask("sort", "key", "by", "nosort")).toBe(array(...ELEMENTS));
    const middle = ELEMENTS.slice(2, 5);
    expect(ask("sort", "key", "by", "nosort", "limit", "2", "3")).toBe(array(...middle));
    expect(ask("sort", "key", "by", "nosort", "desc", "limit", "3", "3")).toBe(
      array(...middle.toReversed()),
    );
  });
});
