// Expected values and errors were recorded from Redis 8.0; where it takes an unknown directive for
// one of a module, from Redis 7.0.

import { describe, expect, test } from "bun:test";
import { Config } from "../../../src/config/config.ts";
import { FatalConfigError } from "../../../src/config/file.ts";
import { applyCommandLine, parseCommandLine } from "../../../src/server/command-line.ts";
import { MemoryFiles } from "../config/memory-files.ts";

/** The configuration that arguments lead to; /start/t.conf holds `file`. */
function configured(args: string[], file = "", standardInput = ""): Config {
  const config = new Config(new MemoryFiles({ "/start/t.conf": file }));
  const request = parseCommandLine(args);
  if (request.kind === "print") throw new Error("nothing to start");
  applyCommandLine(config, request, request.readsStandardInput ? standardInput : "");
  return config;
}

const DEFAULT_SAVE = "3600 1 300 100 60 10000";

describe("options", () => {
  const cases: [args: string[], values: Record<string, string>][] = [
    [[], { port: "6379" }],
    [["--port", "7913"], { port: "7913", save: DEFAULT_SAVE }],
    [["--save", ""], { save: "" }],
    [["--save"], { save: "" }],
    [["--save", "--hz", "20"], { save: "", hz: "20" }],
    [["--SAVE", "--hz", "20"], { save: "", hz: "20" }],
    [["--save", "", "--hz", "20"], { save: "", hz: "20" }],
    [["--save", "--"], { save: "" }],
    [["--save", "10", "1"], { save: "10 1" }],
    [["--save", "10", "1", "20", "2"], { save: "10 1 20 2" }],
    [["--save", "10 1 20 2"], { save: "10 1 20 2" }],
    [["--save", "10", "1", "--save", "20", "2"], { save: "10 1 20 2" }],
    [["--hz 20"], { hz: "20" }],
    [["--port 7913", "--save 3 4"], { port: "7913", save: "3 4" }],
    [["--proc-title-template", "--x"], { "proc-title-template": "--x" }],
    [["--requirepass", "--my-pw", "--hz", "20"], { requirepass: "--my-pw", hz: "20" }],
    [["--requirepass", "a b"], { requirepass: "a b" }],
    [["--requirepass", 'é"\\'], { requirepass: '\xc3\xa9"\\' }],
    [["--bind", "127.0.0.1", "::1"], { bind: "127.0.0.1 ::1" }],
    [["--hz", "20", "--"], { hz: "20" }],
    [["--"], { hz: "10" }],
    [["--aof", "/var/data/redis.aof"], { aof: "/var/data/redis.aof", appendonly: "yes" }],
  ];
  test.each(cases)("%j", (args, values) => {
    const config = configured(args);
    for (const [name, value] of Object.entries(values)) expect(config.byteText(name)).toBe(value);
  });

  test("may name a user with rules of several words", () => {
    expect(configured(["--user", "foo", "on", ">a b", "--hz", "20"]).users).toEqual([
      ["foo", "on", ">a b"],
    ]);
  });
});

describe("a file, standard input and options", () => {
  const stdin = "hz 50\nmaxmemory 5mb\n";
  const cases: [args: string[], hz: number, maxmemory: number][] = [
    [["t.conf"], 30, 0],
    [["t.conf", "--hz", "40"], 40, 0],
    [["t.conf", "--port", "7913", "-"], 50, 5242880],
    [["-", "--port", "7913"], 50, 5242880],
    [["--port", "7913", "-"], 50, 5242880],
    [["--hz", "60", "-"], 60, 5242880],
  ];
  test.each(cases)("%j: the last one wins", (args, hz, maxmemory) => {
    const config = configured(args, "hz 30\n", stdin);
    expect([config.integer("hz"), config.integer("maxmemory")]).toEqual([hz, maxmemory]);
    expect(config.filePath).toBe(args[0] === "t.conf" ? "/start/t.conf" : "");
  });

  test("takes a directive without dashes right behind the file", () => {
    expect(configured(["t.conf", "port", "7913"], "hz 30\n").integer("port")).toBe(7913);
  });

  test("cannot start without the file", () => {
    expect(() => configured(["none.conf"])).toThrow(
      "Fatal error, can't open config file '/start/none.conf': No such file or directory",
    );
  });
});

describe("bad options", () => {
  const ARITY = "wrong number of arguments";
  const BAD = "Bad directive or wrong number of arguments";
  const NUMBER = "argument couldn't be parsed into an integer";
  const SAVE = "Invalid save parameters";
  const cases: [args: string[], lineNumber: number, line: string, reason: string][] = [
    [["--port", "6379", "6380"], 2, 'port "6379" "6380"', ARITY],
    [["--port", "1", "--port", "6380", "6381"], 3, 'port "6380" "6381"', ARITY],
    [["--port"], 2, "port", ARITY],
    [["--hz", ""], 2, 'hz ""', NUMBER],
    [["--hz", "20 "], 2, 'hz "20 "', NUMBER],
    [["--hz", "--maxmemory", "5"], 2, 'hz "--maxmemory" "5"', ARITY],
    [["--requirepass", "--hz", "20"], 2, 'requirepass "--hz" "20"', ARITY],
    [["--save", "10 1", "20 2"], 2, 'save "10 1" "20 2"', SAVE],
    [["--save", "", ""], 2, 'save "" ""', SAVE],
    [["--save ", "--hz", "20"], 2, 'save  "--hz" "20"', SAVE],
    [["--port", "7913", "hz", "20"], 2, 'port "7913" "hz" "20"', ARITY],
    [["--hz", "20", "-", "--hz", "30"], 2, 'hz "20" "-"', ARITY],
    [["--foo"], 2, "foo", BAD],
    [["--foo", "bar"], 2, 'foo "bar"', BAD],
    [["-x"], 2, '"-x"', BAD],
    [["--", "--port", "7913"], 2, '"--port" "7913"', BAD],
    [["t.conf", "port", "1", "hz", "40"], 3, '"port" "1" "hz" "40"', ARITY],
    [["t.conf", "-", "--port", "1"], 3, '"-"', BAD],
    [["t.conf", "--version"], 3, "version", BAD],
  ];
  test.each(cases)("%j", (args, lineNumber, line, reason) => {
    try {
      configured(args, "hz 30\n");
      throw new Error("accepted");
    } catch (error) {
      if (!(error instanceof FatalConfigError)) throw error;
      expect([error.lineNumber, error.line, error.message]).toEqual([lineNumber, line, reason]);
    }
  });
});

describe("requests for information", () => {
  test("-v and --version print one line with the version field and succeed", () => {
    for (const option of ["-v", "--version"]) {
      const request = parseCommandLine([option]);
      expect(request).toMatchObject({ kind: "print", stream: "stdout", exitCode: 0 });
      expect(request.kind === "print" && request.text).toMatch(/^Redis server v=\d+\.\d+\.\d+ /);
    }
  });

  test("-h and --help explain the usage on standard error and fail, as Redis's do", () => {
    for (const option of ["-h", "--help"]) {
      const request = parseCommandLine([option, "x"]);
      expect(request).toMatchObject({ kind: "print", stream: "stderr", exitCode: 1 });
      expect(request.kind === "print" && request.text).toStartWith("Usage: miniredis ");
    }
  });

  test("--test-memory says that this server has no such test", () => {
    expect(parseCommandLine(["--test-memory", "4096"])).toMatchObject({
      kind: "print",
      stream: "stderr",
      exitCode: 1,
    });
  });
});
