// One battery for both encodings of a HyperLogLog, and for one that changes between them: what is
// in it shows, how it is kept does not.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";

interface Form {
  readonly title: string;
  readonly encoding: "sparse" | "dense";
  /** Commands after the additions. */
  readonly commands: readonly (readonly string[])[];
  readonly config: string;
}

const FORMS: readonly Form[] = [
  { title: "kept sparse", encoding: "sparse", commands: [], config: "" },
  {
    title: "made dense by PFDEBUG",
    encoding: "dense",
    commands: [["pfdebug", "todense", "key"]],
    config: "",
  },
  {
    title: "dense from the start",
    encoding: "dense",
    commands: [],
    config: "hll-sparse-max-bytes 0",
  },
  {
    title: "grown beyond the limit",
    encoding: "dense",
    commands: [],
    config: "hll-sparse-max-bytes 400",
  },
  {
    title: "merged with a dense one",
    encoding: "dense",
    commands: [
      ["pfadd", "empty"],
      ["pfdebug", "todense", "empty"],
      ["pfmerge", "key", "empty"],
    ],
    config: "",
  },
];

const ELEMENTS = Array.from({ length: 300 }, (_, k) => `element ${k}`);
/** What Redis 8.0 says of them. */
const COUNT = ":302\r\n";

function setUp(form: Form) {
  const fixture = new ServerFixture(form.config);
  const { ask } = fixture.connect();
  ask("pfadd", "key", ...ELEMENTS);
  for (const command of form.commands) ask(...command);
  return { fixture, ask };
}

for (const form of FORMS) {
  describe(`a HyperLogLog ${form.title}`, () => {
    test("has that encoding", () => {
      const { fixture, ask } = setUp(form);
      expect(ask("pfdebug", "encoding", "key")).toBe(`+${form.encoding}\r\n`);
      expect(ask("object", "encoding", "key")).toBe("$3\r\nraw\r\n");
      fixture.verify();
    });

    test("has the same registers", () => {
      const { ask } = setUp(form);
      const { ask: askOther } = setUp(FORMS[0]);
      expect(ask("pfdebug", "getreg", "key")).toBe(askOther("pfdebug", "getreg", "key"));
      expect(ask("pfdebug", "encoding", "key")).toBe("+dense\r\n");
    });

    test("has the same estimate, cached or not", () => {
      const { ask } = setUp(form);
      expect(ask("pfcount", "key")).toBe(COUNT);
      expect(ask("pfcount", "key")).toBe(COUNT);
      expect(ask("pfcount", "key", "absent")).toBe(COUNT);
    });

    test("takes new elements and leaves known ones", () => {
      const { fixture, ask } = setUp(form);
      expect(ask("pfadd", "key", ...ELEMENTS)).toBe(":0\r\n");
      expect(ask("pfcount", "key")).toBe(COUNT);
      expect(ask("pfadd", "key", "another one")).toBe(":1\r\n");
      expect(ask("pfcount", "key")).toBe(":303\r\n");
      fixture.verify();
    });

    test("is merged into others and takes others", () => {
      const { fixture, ask } = setUp(form);
      ask("pfadd", "other", "x", "y", "element 7");
      const union = ask("pfcount", "key", "other");
      expect(ask("pfmerge", "target", "key", "other")).toBe("+OK\r\n");
      expect(ask("pfmerge", "key", "other")).toBe("+OK\r\n");
      expect(ask("pfcount", "target")).toBe(union);
      expect(ask("pfcount", "key")).toBe(union);
      expect(ask("pfdebug", "encoding", "target")).toBe(`+${form.encoding}\r\n`);
      fixture.verify();
    });
  });
}
