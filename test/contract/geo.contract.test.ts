// One battery for positions in a sorted set of either form, and in one that changes its form in
// between: nothing but OBJECT ENCODING tells them apart.

import { describe, expect, test } from "bun:test";
import { Choices } from "../harness/generate.ts";
import { ServerFixture } from "../unit/server/server-fixture.ts";

interface Form {
  readonly title: string;
  readonly encoding: string;
  readonly config: string;
}

const SMALL: Form = { title: "a small set", encoding: "listpack", config: "" };
const OTHERS: readonly Form[] = [
  { title: "a large set", encoding: "skiplist", config: "zset-max-listpack-entries 0" },
  { title: "a set that grew", encoding: "skiplist", config: "zset-max-listpack-entries 60" },
  { title: "a set with a long member", encoding: "skiplist", config: "zset-max-listpack-value 3" },
];

const COUNT = 120;

function setUp(form: Form): (...args: string[]) => string {
  const { ask } = new ServerFixture(form.config).connect();
  const choices = new Choices(4);
  for (let k = 0; k < COUNT; k++) {
    const position = [choices.below(3600) / 10 - 180, choices.below(1600) / 10 - 80];
    ask("geoadd", "key", ...position.map(String), `m${k}`);
  }
  return ask;
}

describe.each(OTHERS)("$title", (form) => {
  test("has the form that is meant", () => {
    const { encoding } = form;
    expect(setUp(form)("object", "encoding", "key")).toBe(`$${encoding.length}\r\n${encoding}\r\n`);
  });

  test("answers as a small set does", () => {
    const ask = setUp(form);
    const askSmall = setUp(SMALL);
    expect(askSmall("object", "encoding", "key")).toBe("$8\r\nlistpack\r\n");
    const choices = new Choices(5);
    const member = () => `m${choices.below(COUNT)}`;
    let found = 0;
    for (let k = 0; k < 100; k++) {
      const size = String(choices.below(choices.pick([3000, 15_000])));
      const shape = choices.oneIn(2) ? ["byradius", size, "km"] : ["bybox", size, "4000", "km"];
      const options = choices.subset([["withdist"], ["withcoord"], ["withhash"], ["desc"]]);
      const count = choices.oneIn(2) ? ["count", "5", ...choices.pick([["any"], []])] : [];
      const commands = [
        ["geosearch", "key", "frommember", member(), ...shape, ...options.flat(), ...count],
        ["geosearchstore", "other", "key", "frommember", member(), ...shape, ...count],
        ["zrange", "other", "0", "-1", "withscores"],
        ["geodist", "key", member(), member()],
        ["geopos", "key", member(), member(), "absent"],
        ["geohash", "key", member(), "absent"],
        ["geoadd", "key", "ch", "xx", "10", "20", member()],
      ];
      for (const command of commands) {
        const answer = ask(...command);
        expect([command, answer]).toEqual([command, askSmall(...command)]);
        found += answer.length;
      }
    }
    expect(found).toBeGreaterThan(40_000);
  });
});
