// Expected errors were recorded from Redis 8.0; where it takes an unknown directive for one of a
// module, from Redis 7.0.

import { describe, expect, test } from "bun:test";
import { Config } from "../../../src/config/config.ts";
import { FatalConfigError, loadConfig, UnreadableConfigFile } from "../../../src/config/file.ts";
import { MemoryFiles } from "./memory-files.ts";

const COMMANDS = ["get", "set", "config", "keys"];
const checks = { commandExists: (name: string) => COMMANDS.includes(name) };

function load(text: string, files = new MemoryFiles()): Config {
  const config = new Config(files);
  loadConfig(config, text, checks);
  return config;
}

function fatal(text: string): FatalConfigError {
  try {
    load(text);
  } catch (error) {
    if (error instanceof FatalConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("a configuration file", () => {
  const accepted: [text: string, name: string, value: string][] = [
    ["", "hz", "10"],
    ["# hz 5\n\n  \t\nhz 20", "hz", "20"],
    ["HZ 33\r\n", "hz", "33"],
    ["\thz 33 ", "hz", "33"],
    ['hz "\\x33\\x34"', "hz", "34"],
    ["hz 20\nhz 30\n", "hz", "30"],
    ["lua-time-limit 100", "busy-reply-threshold", "100"],
    ["save", "save", ""],
    ["save ''", "save", ""],
    ["save 1 2\nsave 3 4", "save", "1 2 3 4"],
    ["save 1 2 3 4", "save", "1 2 3 4"],
    ['save "1 2"', "save", "1 2"],
    ["save 1 2\nsave ''\nsave 5 6", "save", "5 6"],
    ['bind "127.0.0.1 ::1"', "bind", "127.0.0.1 ::1"],
    ["bind", "bind", ""],
    ["replicaof no one", "replicaof", ""],
    ["slaveof a 0", "replicaof", "a 0"],
    ['replicaof "a 1"', "replicaof", "a 1"],
    ["latency-tracking-info-percentiles", "latency-tracking-info-percentiles", ""],
    ["unixsocketperm +7", "unixsocketperm", "7"],
    ["list-max-ziplist-entries 5\nlua-replicate-commands yes\nio-threads-do-reads yes", "hz", "10"],
    ["dir sub\ndir deeper", "dir", "/start/sub/deeper"],
    ["aof /var/data/redis.aof", "appendonly", "yes"],
    ["aof /var/data/redis.aof\nappendonly no", "appendonly", "no"],
    ["include /none*\nhz 11", "hz", "11"],
  ];
  test.each(accepted)("%j sets %s to %j", (text, name, value) => {
    expect(load(text).byteText(name)).toBe(value);
  });

  const ARITY = "wrong number of arguments";
  const BAD = "Bad directive or wrong number of arguments";
  const QUOTES = "Unbalanced quotes in configuration line";
  const refused: [text: string, lineNumber: number, line: string, reason: string][] = [
    ['#c\n\nport "6379" "6380"\n', 3, 'port "6379" "6380"', ARITY],
    ['#c\n\n  port "6379\n', 3, 'port "6379', QUOTES],
    ['hz "33"x', 1, 'hz "33"x', QUOTES],
    ["hz 33 # no comment", 1, "hz 33 # no comment", ARITY],
    ["bogus x", 1, "bogus x", BAD],
    ["bogus", 1, "bogus", BAD],
    ["a.b x", 1, "a.b x", BAD],
    ['""', 1, '""', BAD],
    ["port", 1, "port", ARITY],
    ["notify-keyspace-events", 1, "notify-keyspace-events", ARITY],
    ["oom-score-adj-values", 1, "oom-score-adj-values", ARITY],
    ["replicaof", 1, "replicaof", ARITY],
    ["replicaof a 1 2", 1, "replicaof a 1 2", ARITY],
    ["replicaof a b", 1, "replicaof a b", "Invalid master port"],
    ["replicaof localhost 99999", 1, "replicaof localhost 99999", "Invalid master port"],
    ['save 1 "2 3" 4', 1, 'save 1 "2 3" 4', "Invalid save parameters"],
    ["save 1", 1, "save 1", "Invalid save parameters"],
    ["list-max-ziplist-entries", 1, "list-max-ziplist-entries", BAD],
    ["include", 1, "include", BAD],
    ["include a b", 1, "include a b", BAD],
    ["rename-command get", 1, "rename-command get", BAD],
    ["user", 1, "user", BAD],
    ["dir /missing", 1, "dir /missing", "No such file or directory"],
    [
      "unixsocketperm 7777",
      1,
      "unixsocketperm 7777",
      "argument must be between 0 and 777 inclusive",
    ],
    ['appendfilename ""', 1, 'appendfilename ""', "appendfilename can't be empty"],
    ["appenddirname a/b", 1, "appenddirname a/b", "appenddirname can't be a path, just a dirname"],
    [
      "sentinel monitor x",
      1,
      "sentinel monitor x",
      "sentinel directive while not in sentinel mode",
    ],
    ["loadmodule /x", 1, "loadmodule /x", "modules are not supported"],
  ];
  test.each(refused)("%j is refused at line %i", (text, lineNumber, line, reason) => {
    const error = fatal(text);
    expect([error.lineNumber, error.line, error.message]).toEqual([lineNumber, line, reason]);
  });

  test("is refused as a whole when replication and cluster exclude each other", () => {
    expect(fatal("cluster-enabled yes\nreplicaof localhost 1\n").report("7.4.0")).toBe(
      "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\n" +
        "replicaof directive not allowed in cluster mode\n",
    );
  });

  test("is reported in Redis's words", () => {
    expect(fatal('port "6379" "6380"').report("7.4.0")).toBe(
      "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\n" +
        "Reading the configuration file, at line 1\n" +
        '>>> \'port "6379" "6380"\'\n' +
        "wrong number of arguments\n",
    );
  });
});

describe("user lines", () => {
  test("are collected in order", () => {
    const config = load("user a on\nuser A on >secret '~a b'\n");
    expect(config.users).toEqual([
      ["a", "on"],
      ["A", "on", ">secret", "~a b"],
    ]);
  });

  test("may name each user once", () => {
    expect(fatal("user foo on\nuser foo off\n").message).toBe(
      "Error in user declaration 'foo': " +
        "Duplicate user found. A user can only be defined once in config files",
    );
  });

  test("are checked by the access control lists", () => {
    const config = new Config(new MemoryFiles());
    const userError = (words: readonly string[]) => ({ word: words[2], reason: "Syntax error" });
    expect(() => loadConfig(config, "user a nosuch", { userError })).toThrow(
      "Error in user declaration 'nosuch': Syntax error",
    );
  });
});

describe("rename-command", () => {
  const cases: [text: string, renamed: [string, string][] | string][] = [
    ['rename-command get ""', [["get", ""]]],
    [
      "rename-command config get2\nrename-command get config",
      [
        ["config", "get2"],
        ["get", "config"],
      ],
    ],
    [
      "rename-command get get2\nrename-command get2 get3",
      [
        ["get", "get2"],
        ["get2", "get3"],
      ],
    ],
    ["rename-command GET GET", [["GET", "GET"]]],
    ["rename-command foo bar", "No such command in rename-command"],
    ["rename-command get set", "Target command name already exists"],
    ["rename-command get get2\nrename-command get get3", "No such command in rename-command"],
  ];
  test.each(cases)("%j", (text, expected) => {
    if (typeof expected === "string") expect(fatal(text).message).toBe(expected);
    else expect(load(text).renamedCommands).toEqual(expected);
  });
});

describe("include", () => {
  test("reads the file in place, so that later lines win", () => {
    const files = new MemoryFiles({ "/start/more.conf": "hz 20\ntimeout 5\n" });
    const config = load("hz 1\ninclude more.conf\ntimeout 6\n", files);
    expect([config.integer("hz"), config.integer("timeout")]).toEqual([20, 6]);
  });

  test("starts from the directory that is current at its line", () => {
    const files = new MemoryFiles({ "/data/more.conf": "hz 20" });
    expect(load("dir /data\ninclude more.conf", files).integer("hz")).toBe(20);
  });

  test("expands patterns in alphabetical order and leaves hidden files out", () => {
    const files = new MemoryFiles({
      "/etc/x/b.conf": "hz 22",
      "/etc/x/a.conf": "hz 21",
      "/etc/x/.z.conf": "hz 23",
      "/etc/x/c.txt": "hz 24",
    });
    expect(load("include /etc/?/*.conf", files).integer("hz")).toBe(22);
  });

  test("counts lines of the included file", () => {
    const files = new MemoryFiles({ "/start/more.conf": "\n\nhz x" });
    expect(() => load("include more.conf", files)).toThrow(FatalConfigError);
    try {
      load("include more.conf", files);
    } catch (error) {
      expect((error as FatalConfigError).lineNumber).toBe(3);
    }
  });

  test("fails on a file that is not there", () => {
    expect(() => load("include /nonexistent")).toThrow(UnreadableConfigFile);
    expect(() => load("include /nonexistent")).toThrow(
      "Fatal error, can't open config file '/nonexistent': No such file or directory",
    );
  });

  test("stops at a file that includes itself", () => {
    const files = new MemoryFiles({ "/start/more.conf": "include more.conf" });
    expect(() => load("include more.conf", files)).toThrow("nested too deep");
  });
});
