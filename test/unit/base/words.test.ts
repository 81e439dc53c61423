import { describe, expect, test } from "bun:test";
import { quoted, splitWords, trimmed } from "../../../src/base/words.ts";

describe("splitWords", () => {
  const cases: [line: string, words: string[] | undefined][] = [
    ["", []],
    ["  ", []],
    ["port 6379", ["port", "6379"]],
    ["\tport \t 6379 ", ["port", "6379"]],
    ['hz "33"', ["hz", "33"]],
    ["hz '33'", ["hz", "33"]],
    ['hz "\\x33\\x34"', ["hz", "34"]],
    ['hz "\\x3"', ["hz", "x3"]],
    ['x "a\\n\\r\\t\\b\\a\\q\\""', ["x", '\x61\n\r\t\b\x07q"']],
    ["x 'a\\n\\'b'", ["x", "a\\n'b"]],
    ['save ""', ["save", ""]],
    ['hz 2"0"', ["hz", "20"]],
    ['hz "33"x', undefined],
    ["hz '20'b", undefined],
    ['port "6379', undefined],
    ["port '6379", undefined],
    ['port "6379\\', undefined],
  ];
  test.each(cases)("takes %j apart", (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });
});

describe("quoted", () => {
  test("escapes quotes, backslashes, control characters and bytes beyond ASCII", () => {
    expect(quoted('a b"\\\n\x01\xc3\xa9')).toBe('"a b\\"\\\\\\n\\x01\\xc3\\xa9"');
  });

  test("is undone by splitWords for every byte", () => {
    let all = "";
    for (let code = 0; code < 256; code++) all += String.fromCharCode(code);
    expect(splitWords(quoted(all))).toEqual([all]);
  });
});

test("trimmed removes blanks, tabs and line ends on both sides only", () => {
  expect(trimmed(" \t a b\r\n")).toBe("a b");
  expect(trimmed("\v")).toBe("\v");
});
