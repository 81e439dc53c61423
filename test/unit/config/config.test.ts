// Expected replies were recorded from Redis 8.0.

import { describe, expect, test } from "bun:test";
import { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/file.ts";
import { InvalidValue } from "../../../src/config/value-types.ts";
import { MemoryFiles } from "./memory-files.ts";

function failed(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

const NOT_A_SIZE = "argument must be a memory value";
const NOT_A_SIZE_OR_PERCENT = "argument must be a memory or percent value";
const NOT_AN_INTEGER = "argument couldn't be parsed into an integer";
const BAD_TITLE = "template format is invalid or contains unknown variables";
const BAD_BUFFER = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
const BAD_SCORES = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
const SIGNAL_WORDS = "argument(s) must be one of the following: default, save, nosave, now, force";

describe("CONFIG SET of one value", () => {
  // The value that CONFIG GET shows afterwards.
  const accepted: [name: string, value: string, shown: string][] = [
    ["maxmemory", "100mb", "104857600"],
    ["maxmemory", "1k", "1000"],
    ["maxmemory", "1Kb", "1024"],
    ["maxmemory", "1g", "1000000000"],
    ["maxmemory", "1b", "1"],
    ["maxmemory", "", "0"],
    ["maxmemory", "mb", "0"],
    ["maxmemory", "18446744073709551616", "18446744073709551615"],
    ["maxmemory", "18446744073709551615gb", "18446744072635809792"],
    ["maxmemory-clients", "7%", "7%"],
    ["maxmemory-clients", "1mb", "1048576"],
    ["hz", "99999999", "500"],
    ["hz", "0", "1"],
    ["appendonly", "YES", "yes"],
    ["appendfsync", "ALWAYS", "always"],
    ["oom-score-adj", "relative", "yes"],
    ["shutdown-on-sigterm", "now save", "save now"],
    ["shutdown-on-sigterm", "default save", "save"],
    ["shutdown-on-sigterm", "now now", "now"],
    ["notify-keyspace-events", "KEA", "AKE"],
    ["notify-keyspace-events", "Kgx", "gxK"],
    ["notify-keyspace-events", "g$lshzxetdKEmn", "AKEm"],
    ["notify-keyspace-events", "xKE$mg", "g$xKEm"],
    ["save", "10 1 20 2", "10 1 20 2"],
    ["save", "1 0", "1 0"],
    ["save", "010 +1", "10 1"],
    ["save", "99999999999999 9999999999999", "99999999999999 1316134911"],
    ["save", "", ""],
    ["oom-score-adj-values", "-2000 +0 02000", "-2000 0 2000"],
    ["latency-tracking-info-percentiles", "0.0001 33.333333333333 1e1", "0.0001 33.333333 10"],
    ["latency-tracking-info-percentiles", "99 50.0", "99 50"],
    ["latency-tracking-info-percentiles", "", ""],
    ["proc-title-template", "a}b {{{title}", "a}b {{{title}"],
    ["cluster-announce-human-nodename", "a_.-b", "a_.-b"],
    ["bind", "", ""],
    ["slowlog-log-slower-than", "-1", "-1"],
  ];
  test.each(accepted)("%s %j is shown as %j", (name, value, shown) => {
    const config = new Config();
    expect(config.set([[name, value]])).toBeUndefined();
    expect(config.get([name])).toEqual([[name, shown]]);
  });

  const refused: [name: string, value: string, reason: string][] = [
    ["maxmemory", "1t", NOT_A_SIZE],
    ["maxmemory", "1.5g", NOT_A_SIZE],
    ["maxmemory", " 5", NOT_A_SIZE],
    ["maxmemory", "+5", NOT_A_SIZE],
    ["maxmemory", "-1", NOT_A_SIZE],
    ["maxmemory-clients", "107%", "percentage argument must be less or equal to 100"],
    ["maxmemory-clients", "-1%", NOT_A_SIZE_OR_PERCENT],
    ["maxmemory-clients", "-1", NOT_A_SIZE_OR_PERCENT],
    ["maxmemory-clients", "%", NOT_A_SIZE_OR_PERCENT],
    ["maxmemory-clients", "5.5%", NOT_A_SIZE_OR_PERCENT],
    ["hz", " 10", NOT_AN_INTEGER],
    ["hz", "+10", NOT_AN_INTEGER],
    ["hz", "010", NOT_AN_INTEGER],
    ["hz", "", NOT_AN_INTEGER],
    ["hz", "2147483648", "argument must be between 0 and 2147483647 inclusive"],
    ["repl-backlog-size", "0", "argument must be between 1 and 9223372036854775807 inclusive"],
    ["appendonly", "1", "argument must be 'yes' or 'no'"],
    ["appendonly", "yes ", "argument must be 'yes' or 'no'"],
    [
      "shutdown-on-sigterm",
      "save nosave",
      "shutdown options SAVE and NOSAVE can't be used simultaneously",
    ],
    ["shutdown-on-sigterm", "", SIGNAL_WORDS],
    ["shutdown-on-sigterm", "save, now", SIGNAL_WORDS],
    ["notify-keyspace-events", "Ky", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."],
    ["save", "10 1  20 2", "Invalid save parameters"],
    ["save", "10", "Invalid save parameters"],
    ["save", "0 1", "Invalid save parameters"],
    ["save", "1 -1", "Invalid save parameters"],
    ["save", "10x 1", "Invalid save parameters"],
    ["save", " ", "Invalid save parameters"],
    ["client-output-buffer-limit", "normal 1 2 -3", BAD_BUFFER],
    ["client-output-buffer-limit", "normal 1 2 3x", BAD_BUFFER],
    ["client-output-buffer-limit", "normal 1 2% 3", BAD_BUFFER],
    ["client-output-buffer-limit", "normal 1 2 99999999999999999999", BAD_BUFFER],
    [
      "client-output-buffer-limit",
      "master 1 2 3",
      "Invalid client class specified in buffer limit configuration.",
    ],
    [
      "client-output-buffer-limit",
      "normal  1 2 3",
      "Wrong number of arguments in buffer limit configuration.",
    ],
    ["oom-score-adj-values", "1 2", "wrong number of arguments"],
    ["oom-score-adj-values", "1 2 3000", BAD_SCORES],
    ["oom-score-adj-values", "a 2 3", BAD_SCORES],
    [
      "latency-tracking-info-percentiles",
      "50 101",
      "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
    ],
    [
      "latency-tracking-info-percentiles",
      "nan",
      "Invalid latency-tracking-info-percentiles parameters",
    ],
    ["bind", "a b c d e f g h i j k l m n o p q", "Too many bind addresses specified."],
    ["proc-title-template", "{x}", BAD_TITLE],
    ["proc-title-template", "{title", BAD_TITLE],
    [
      "cluster-announce-hostname",
      "_x",
      "Hostnames may only contain alphanumeric characters, hyphens or dots",
    ],
    ["cluster-announce-hostname", "a".repeat(256), "Hostnames must be less than 256 characters"],
    ["daemonize", "yes", "can't set immutable config"],
    ["replicaof", "", "can't set immutable config"],
    ["dir", "/", "can't set protected config"],
  ];
  test.each(refused)("%s %j is refused: %s", (name, value, reason) => {
    const config = new Config();
    const before = config.byteText(name);
    expect(config.set([[name, value]])).toBe(failed(name, reason));
    expect(config.byteText(name)).toBe(before);
  });
});

describe("CONFIG SET of client-output-buffer-limit", () => {
  test("changes the classes that are named and keeps the others", () => {
    const config = new Config();
    const set = (value: string) => config.set([["client-output-buffer-limit", value]]);
    const shown = () => config.byteText("client-output-buffer-limit");
    expect(set("normal 1mb 2mb 3")).toBeUndefined();
    expect(shown()).toBe(
      "normal 1048576 2097152 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    );
    expect(set("REPLICA 1mb 2mb 3 pubsub 1 2 3")).toBeUndefined();
    expect(set("slave 4 5 6 slave 1 2 9999999999")).toBeUndefined();
    expect(shown()).toBe("normal 1048576 2097152 3 slave 1 2 1410065407 pubsub 1 2 3");
    expect(set("")).toBeUndefined();
    expect(config.outputBufferLimits.pubsub).toEqual({
      hardBytes: 1,
      softBytes: 2,
      softSeconds: 3,
    });
  });
});

describe("CONFIG SET of several values", () => {
  const cases: [pairs: [string, string][], reply: string | undefined][] = [
    [[["a", "b"]], "ERR Unknown option or number of arguments for CONFIG SET - 'a'"],
    [
      [
        ["hz", "11"],
        ["a", "b"],
      ],
      "ERR Unknown option or number of arguments for CONFIG SET - 'a'",
    ],
    [
      [
        ["hz", "11"],
        ["HZ", "12"],
      ],
      failed("HZ", "duplicate parameter"),
    ],
    [
      [
        ["hz", "11"],
        ["daemonize", "yes"],
      ],
      failed("daemonize", "can't set immutable config"),
    ],
    [
      [
        ["hz", "11"],
        ["maxmemory-samples", "0"],
      ],
      failed("maxmemory-samples", "argument must be between 1 and 64 inclusive"),
    ],
    [[["list-max-ziplist-entries", "5"]], expect.stringContaining("ERR Unknown option")],
    [[["user", "x"]], expect.stringContaining("ERR Unknown option")],
  ];
  test.each(cases)("%j is refused as a whole", (pairs, reply) => {
    const config = new Config();
    expect(config.set(pairs)).toEqual(reply);
    expect(config.integer("hz")).toBe(10);
  });

  test("takes a directive under two of its names, the last one winning", () => {
    const config = new Config();
    expect(
      config.set([
        ["slave-priority", "10"],
        ["replica-priority", "11"],
      ]),
    ).toBeUndefined();
    expect(config.integer("replica-priority")).toBe(11);
  });
});

describe("CONFIG SET of protected directives", () => {
  const cases: [gate: string, isLocal: boolean, isAllowed: boolean][] = [
    ["no", true, false],
    ["local", true, true],
    ["local", false, false],
    ["yes", false, true],
  ];
  test.each(cases)("enable-protected-configs %s, local client %p: %p", (gate, isLocal, allowed) => {
    const config = new Config(new MemoryFiles());
    loadConfig(config, `enable-protected-configs ${gate}`);
    const error = config.set([["dir", "sub"]], { isLocal, isLoading: false });
    expect(error).toBe(allowed ? undefined : failed("dir", "can't set protected config"));
    expect(config.text("dir")).toBe(allowed ? "/start/sub" : "/start");
  });

  test("answers LOADING for directives that cannot change while data is loaded", () => {
    const config = new Config();
    const circumstances = { isLocal: true, isLoading: true };
    expect(config.set([["appendonly", "yes"]], circumstances)).toBe(
      "LOADING Redis is loading the dataset in memory",
    );
    expect(config.set([["hz", "11"]], circumstances)).toBeUndefined();
  });

  test("passes on why a directory is refused", () => {
    const config = new Config(new MemoryFiles());
    loadConfig(config, "enable-protected-configs yes");
    expect(config.set([["dir", "/missing"]])).toBe(failed("dir", "No such file or directory"));
    expect(config.set([["dbfilename", "a/b"]])).toBe(
      failed("dbfilename", "dbfilename can't be a path, just a filename"),
    );
  });
});

describe("onChange", () => {
  test("tells a component of changes under any name, and only of changes", () => {
    const config = new Config();
    const seen: number[] = [];
    config.onChange("replica-priority", (changed) => {
      seen.push(changed.integer("replica-priority"));
    });
    config.set([["slave-priority", "7"]]);
    config.set([["replica-priority", "7"]]);
    expect(seen).toEqual([7]);
  });

  test("is called once when several of its directives change, with all of them set", () => {
    const config = new Config();
    const seen: string[] = [];
    const apply = (changed: Config) => {
      seen.push(`${changed.integer("maxmemory")} ${changed.text("maxmemory-policy")}`);
    };
    config.onChange("maxmemory", apply);
    config.onChange("maxmemory-policy", apply);
    config.set([
      ["maxmemory", "1mb"],
      ["maxmemory-policy", "allkeys-lru"],
    ]);
    expect(seen).toEqual(["1048576 allkeys-lru"]);
  });

  test("rolls every value back and tells everybody again when one component refuses", () => {
    const config = new Config();
    const hertz: number[] = [];
    config.onChange("hz", (changed) => {
      hertz.push(changed.integer("hz"));
    });
    config.onChange("port", (changed) => {
      if (changed.integer("port") !== 6379) {
        throw new InvalidValue("Unable to listen on this port. Check server logs.");
      }
    });
    const error = config.set([
      ["hz", "20"],
      ["port", "1"],
      ["timeout", "5"],
    ]);
    expect(error).toBe(failed("port", "Unable to listen on this port. Check server logs."));
    expect(hertz).toEqual([20, 10]);
    expect([config.integer("port"), config.integer("timeout")]).toEqual([6379, 0]);
  });

  test("lets a defect in a component surface after rolling back", () => {
    const config = new Config();
    config.onChange("hz", () => {
      throw new TypeError("defect");
    });
    expect(() => config.set([["hz", "20"]])).toThrow(TypeError);
    expect(config.integer("hz")).toBe(10);
  });
});

describe("CONFIG GET", () => {
  const config = new Config();
  const names = (...patterns: string[]) => config.get(patterns).map(([name]) => name);

  test("answers an exact name in the client's spelling, once", () => {
    expect(names("MAXMEMORY", "MaxMemory")).toEqual(["MAXMEMORY"]);
  });

  test("lists a directive under all its names", () => {
    expect(names("*-priority")).toEqual(["replica-priority", "slave-priority"]);
    expect(names("HASH-max-*").sort()).toEqual([
      "hash-max-listpack-entries",
      "hash-max-listpack-value",
      "hash-max-ziplist-entries",
      "hash-max-ziplist-value",
    ]);
  });

  test("answers what any of several patterns names, each directive once", () => {
    expect(names("maxm*", "*memory*").sort()).toEqual([
      "maxmemory",
      "maxmemory-clients",
      "maxmemory-eviction-tenacity",
      "maxmemory-policy",
      "maxmemory-samples",
      "replica-ignore-maxmemory",
      "slave-ignore-maxmemory",
    ]);
  });

  test("finds hidden directives by their exact name only", () => {
    expect(names("key-load-del*")).toEqual([]);
    expect(names("[k]ey-load-delay")).toEqual([]);
    expect(config.get(["KEY-LOAD-DELAY"])).toEqual([["KEY-LOAD-DELAY", "0"]]);
  });

  test("answers nothing for names that are no directives", () => {
    expect(names("user", "include", "list-max-ziplist-entries", "nonsense", "")).toEqual([]);
  });

  test("answers values that CONFIG SET takes, for every mutable directive", () => {
    const other = new Config();
    for (const [name, value] of other.get(["*"])) {
      const error = other.set([[name, value]]) ?? "";
      expect(error).toMatch(/^$|can't set (immutable|protected) config$/);
    }
  });
});

describe("typed access", () => {
  test("reads numbers, percentages, octal modes, words and save points", () => {
    const config = new Config();
    loadConfig(config, "maxmemory-clients 5%\nunixsocketperm 770\nbind 127.0.0.1 ::1");
    expect(config.integer("maxmemory-clients")).toBe(-5);
    expect(config.integer("unixsocketperm")).toBe(0o770);
    expect(config.words("bind")).toEqual(["127.0.0.1", "::1"]);
    expect(config.numbers("latency-tracking-info-percentiles")).toEqual([50, 99, 99.9]);
    expect(config.savePoints[0]).toEqual({ seconds: 3600, changes: 1 });
    expect(config.flag("slave-read-only")).toBe(true);
  });

  test("decodes texts as UTF-8 and keeps the bytes too", () => {
    const config = new Config();
    loadConfig(config, 'requirepass "\\xc3\\xa9\\xff"');
    expect(config.text("requirepass")).toBe("é\ufffd");
    expect(config.byteText("requirepass")).toBe("\xc3\xa9\xff");
  });

  test("keeps the class of events that CONFIG GET leaves out beside A", () => {
    const config = new Config();
    config.set([["notify-keyspace-events", "KEAn"]]);
    expect(config.text("notify-keyspace-events")).toBe("g$lshzxetdnKE");
    expect(config.get(["notify-keyspace-events"])[0][1]).toBe("AKE");
  });
});
