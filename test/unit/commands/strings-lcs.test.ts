import { expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { SubsequenceTable } from "../../../src/commands/strings-lcs.ts";
import { bulk, NOT_AN_INTEGER, StringFixture, SYNTAX_ERROR } from "./strings-fixture.ts";

function withTexts(): StringFixture {
  const db = new StringFixture();
  db.run("MSET", "a", "ohmytext", "b", "mynewtext");
  return db;
}

/** The replies that Redis 8.0 gives for these two texts. */
const FIRST_MATCH = "*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n";
const SECOND_MATCH = "*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n";
const matches = (head: string, body: string) =>
  `${head}$7\r\nmatches\r\n${body}$3\r\nlen\r\n:6\r\n`;

test("LCS replies with the subsequence or its length", () => {
  const db = withTexts();
  expect(db.run("LCS", "a", "b")).toBe(bulk("mytext"));
  expect(db.run("LCS", "a", "b", "WITHMATCHLEN")).toBe(bulk("mytext"));
  expect(db.run("LCS", "a", "b", "len")).toBe(":6\r\n");
  expect(db.run("LCS", "a", "missing")).toBe(bulk(""));
  expect(db.run("LCS", "missing", "missing", "LEN")).toBe(":0\r\n");
  expect(db.run("LCS", "a", "a")).toBe(bulk("ohmytext"));
});

test("LCS with IDX replies with the matching ranges, the last first", () => {
  const db = withTexts();
  expect(db.run("LCS", "a", "b", "IDX")).toBe(
    matches("*4\r\n", `*2\r\n*2\r\n${FIRST_MATCH}*2\r\n${SECOND_MATCH}`),
  );
  expect(db.run("LCS", "a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN")).toBe(
    matches("*4\r\n", `*1\r\n*3\r\n${FIRST_MATCH}:4\r\n`),
  );
  expect(db.run("LCS", "a", "b", "IDX", "MINMATCHLEN", "9223372036854775807")).toBe(
    matches("*4\r\n", "*0\r\n"),
  );
  db.reply.protocol = 3;
  expect(db.run("LCS", "a", "b", "IDX", "MINMATCHLEN", "-5")).toBe(
    matches("%2\r\n", `*2\r\n*2\r\n${FIRST_MATCH}*2\r\n${SECOND_MATCH}`),
  );
});

test("LCS checks the types before its options", () => {
  const db = withTexts();
  db.makeHash("hash");
  const noStrings = "-ERR The specified keys must contain string values\r\n";
  expect(db.run("LCS", "a", "hash", "bogus")).toBe(noStrings);
  expect(db.run("LCS", "hash", "missing")).toBe(noStrings);
  expect(db.run("LCS", "a", "b", "bogus")).toBe(SYNTAX_ERROR);
  expect(db.run("LCS", "a", "b", "MINMATCHLEN")).toBe(SYNTAX_ERROR);
  expect(db.run("LCS", "a", "b", "MINMATCHLEN", "x")).toBe(NOT_AN_INTEGER);
  expect(db.run("LCS", "a", "b", "IDX", "LEN")).toBe(
    "-ERR If you want both the length and indexes, please just use IDX.\r\n",
  );
});

test("LCS refuses strings whose table would exceed proto-max-bulk-len in Redis", () => {
  const db = new StringFixture();
  db.bulkLengthMax = 1 << 20;
  db.run("SETRANGE", "a", "510", "x");
  db.run("SETRANGE", "b", "510", "x");
  expect(db.run("LCS", "a", "b", "LEN")).toBe(":511\r\n");
  db.run("APPEND", "b", "y");
  expect(db.run("LCS", "a", "b", "LEN")).toBe(
    "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n",
  );
});

/** The subsequence by the full table of lengths, walked back as Redis walks it. */
function referenceText(a: string, b: string): string {
  const table = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const longest = Math.max(table[i - 1][j], table[i][j - 1]);
      table[i][j] = a[i - 1] === b[j - 1] ? table[i - 1][j - 1] + 1 : longest;
    }
  }
  let text = "";
  for (let i = a.length, j = b.length; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      text = a[--i] + text;
      j--;
    } else if (table[i - 1][j] > table[i][j - 1]) i--;
    else j--;
  }
  return text;
}

test("the table of bits gives what the table of lengths gives (seed 11)", () => {
  const random = new Xoshiro(11);
  const letters = (count: number) => {
    let text = "";
    for (let k = 0; k < count; k++) text += "abcd"[randomBelow(random, 4)];
    return text;
  };
  for (let round = 0; round < 300; round++) {
    const a = letters(randomBelow(random, 40));
    const b = letters(randomBelow(random, 40));
    const expected = referenceText(a, b);
    const table = new SubsequenceTable(latin1Bytes(a), latin1Bytes(b), true);
    const found = latin1Text(table.text());
    expect([a, b, found]).toEqual([a, b, expected]);
    expect(table.length).toBe(expected.length);
    expect(new SubsequenceTable(latin1Bytes(a), latin1Bytes(b), false).length).toBe(table.length);
  }
});
