import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { array, bulk, OK, ServerFixture, START_MS } from "./server-fixture.ts";

const EMPTY_DIGEST = "0".repeat(40);

/** The value of a key of database 0. */
function storedValue(fixture: ServerFixture, key: string): string | undefined {
  const bytes = latin1Bytes(key);
  const { keyspace } = fixture;
  const hash = keyspace.hash(bytes, 0, bytes.length);
  const view = keyspace.databases[0].peek(keyspace.secondView, bytes, 0, bytes.length, hash);
  return view && latin1Text(view.bytes, view.valueStart, view.valueEnd);
}

describe("DEBUG's guard", () => {
  const refusal = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to";

  test("no refuses everybody, local those from elsewhere", () => {
    const fixture = new ServerFixture();
    fixture.config.set("enable-debug-command", "no");
    expect(fixture.run("debug", "sleep", "0")).toStartWith(refusal);
    fixture.config.set("enable-debug-command", "local");
    expect(fixture.run("debug", "sleep", "0")).toBe(OK);
    for (const address of ["10.0.0.1:5", "128.0.0.1:5", "[::2]:5"]) {
      const client = fixture.connect(address);
      expect(fixture.runAs(client, "debug", "sleep", "0")).toStartWith(refusal);
    }
    expect(fixture.runAs(fixture.connect("[::1]:5"), "debug", "sleep", "0")).toBe(OK);
  });

  test("unknown subcommands and wrong counts are told alike", () => {
    const fixture = new ServerFixture();
    for (const call of [["nosuch"], ["sleep"], ["digest", "x"], ["object", "k", "fast"]]) {
      expect(fixture.run("debug", ...call)).toBe(
        `-ERR unknown subcommand or wrong number of arguments for '${call[0]}'. ` +
          "Try DEBUG HELP.\r\n",
      );
    }
  });
});

describe("DEBUG switches", () => {
  test("SLEEP stops the server for so many seconds", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("debug", "sleep", "0.25")).toBe(OK);
    expect(fixture.run("debug", "sleep", "x")).toBe(OK);
    expect(fixture.run("debug", "sleep", "-1")).toBe(OK);
    expect(fixture.sleptMs).toBe(250);
  });

  test("numbers switch on and off", () => {
    const fixture = new ServerFixture();
    const settings = fixture.debugSettings;
    fixture.run("debug", "set-active-expire", "0");
    fixture.run("debug", "pause-cron", "1");
    fixture.run("debug", "set-skip-checksum-validation", "1");
    fixture.run("debug", "aof-flush-sleep", "1500");
    expect({ ...settings }).toEqual({
      activeExpire: false,
      cronPaused: true,
      skipsChecksums: true,
      flushSleepUs: 1500,
      scriptsCallDenied: false,
      leaked: [],
    });
    fixture.run("debug", "aof-flush-sleep", "x");
    expect(settings.flushSleepUs).toBe(0);
    fixture.run("debug", "set-active-expire", "1");
    fixture.run("debug", "pause-cron", "x");
    expect(settings.activeExpire).toBe(true);
    expect(settings.cronPaused).toBe(false);
  });

  test("LOG writes to the log, ERROR replies with the text", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("debug", "log", "hi")).toBe(OK);
    expect(fixture.logged).toEqual(["DEBUG LOG: hi"]);
    expect(fixture.run("debug", "error", "FOO a\r\nb")).toBe("-FOO a  b\r\n");
  });

  test("CONFIG-REWRITE-FORCE-ALL needs a file, STRINGMATCH-TEST time, LEAK memory", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("debug", "config-rewrite-force-all")).toBe(
      "-ERR CONFIG-REWRITE-FORCE-ALL failed: The server is running without a config file\r\n",
    );
    expect(fixture.run("debug", "stringmatch-test")).toEndWith("test passed\r\n");
    expect(fixture.run("debug", "leak", "four")).toBe(OK);
    expect(fixture.debugSettings.leaked.map(({ length }) => length)).toEqual([4]);
  });

  test("REPLYBUFFER and QUICKLIST-PACKED-THRESHOLD check what they accept", () => {
    const fixture = new ServerFixture();
    const debug = (...args: string[]) => fixture.run("debug", ...args);
    expect(debug("replybuffer", "peak-reset-time", "never")).toBe(OK);
    expect(debug("replybuffer", "peak-reset-time", "x")).toStartWith("-ERR value is not");
    expect(debug("replybuffer", "resizing", "0")).toBe(OK);
    expect(debug("replybuffer", "x", "1")).toStartWith("-ERR unknown subcommand");
    for (const size of ["0", "10b", "5kB", "1gb", "4294967295"]) {
      expect(debug("quicklist-packed-threshold", size)).toBe(OK);
    }
    for (const size of ["x", "-1", "1.5", "4gb", "1tb", "99999999999999999999"]) {
      expect(debug("quicklist-packed-threshold", size)).toBe(
        "-ERR argument must be a memory value bigger than 1 and smaller than 4gb\r\n",
      );
    }
  });
});

describe("DEBUG PROTOCOL", () => {
  const examples: readonly (readonly [string, string, string])[] = [
    ["string", bulk("Hello World"), bulk("Hello World")],
    ["integer", ":12345\r\n", ":12345\r\n"],
    ["double", bulk("3.141"), ",3.141\r\n"],
    [
      "bignum",
      bulk("1234567999999999999999999999999999999"),
      "(1234567999999999999999999999999999999\r\n",
    ],
    ["null", "$-1\r\n", "_\r\n"],
    ["array", "*3\r\n:0\r\n:1\r\n:2\r\n", "*3\r\n:0\r\n:1\r\n:2\r\n"],
    ["set", "*3\r\n:0\r\n:1\r\n:2\r\n", "~3\r\n:0\r\n:1\r\n:2\r\n"],
    [
      "map",
      "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n",
      "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n",
    ],
    [
      "attrib",
      bulk("Some real reply following the attribute"),
      `|1\r\n${bulk("key-popularity")}${array(bulk("key:123"), ":90\r\n")}` +
        bulk("Some real reply following the attribute"),
    ],
    [
      "push",
      "-ERR RESP2 is not supported by this command\r\n",
      `${bulk("Some real reply following the push reply")}` +
        `>2\r\n${bulk("server-cpu-usage")}:42\r\n`,
    ],
    ["verbatim", bulk("This is a verbatim\nstring"), "=29\r\ntxt:This is a verbatim\nstring\r\n"],
    ["true", ":1\r\n", "#t\r\n"],
    ["FALSE", ":0\r\n", "#f\r\n"],
  ];

  test("every type has an example in both protocols", () => {
    const fixture = new ServerFixture();
    for (const [type, resp2] of examples)
      expect(fixture.run("debug", "protocol", type)).toBe(resp2);
    fixture.run("hello", "3");
    for (const [type, , resp3] of examples) {
      expect(fixture.run("debug", "protocol", type)).toBe(resp3);
    }
  });

  test("other types are refused", () => {
    expect(new ServerFixture().run("debug", "protocol", "x")).toStartWith(
      "-ERR Wrong protocol type name. Please use one of the following: string|integer|",
    );
  });
});

describe("DEBUG DIGEST", () => {
  // The digests are those of a Redis server with the same keys.
  test("equal data give Redis's digest, whatever the order", () => {
    const pairs = [
      ["a", "1"],
      ["b", "hello"],
      ["emp", ""],
      ["long", "x".repeat(100)],
      ["neg", "-5"],
      ["bin", "\x01\x02"],
    ];
    for (const order of [pairs, [...pairs].reverse()]) {
      const fixture = new ServerFixture();
      for (const [key, value] of order) fixture.set(0, key, value);
      expect(fixture.run("debug", "digest")).toBe("+e2af320b673d1ad4549c092239d910f41620698b\r\n");
      fixture.set(3, "a", "z");
      fixture.set(3, "ttl", "q", START_MS + 1000);
      expect(fixture.run("debug", "digest")).toBe("+01d49b2f68875eb6972d9d51b25a619ae4f7f348\r\n");
    }
  });

  test("no data give zeros", () => {
    expect(new ServerFixture().run("debug", "digest")).toBe(`+${EMPTY_DIGEST}\r\n`);
  });

  test("DIGEST-VALUE tells each value's digest, zeros without a key", () => {
    const fixture = new ServerFixture();
    fixture.set(0, "a", "1");
    fixture.set(0, "same", "1");
    const reply = fixture.run("debug", "digest-value", "a", "same", "nokey").split("\r\n");
    expect(reply[0]).toBe("*3");
    expect(reply[1]).toBe("+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da");
    expect(reply[2]).toBe(reply[1]);
    expect(reply[3]).toBe(`+${EMPTY_DIGEST}`);
  });
});

describe("DEBUG POPULATE, OBJECT and HTSTATS", () => {
  test("POPULATE makes keys, of a size if asked, and leaves those there are", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("debug", "populate", "2")).toBe(OK);
    expect(storedValue(fixture, "key:1")).toBe("value:1");
    fixture.run("debug", "populate", "1", "p", "3");
    fixture.run("debug", "populate", "3", "p", "9");
    expect(storedValue(fixture, "p:0")).toBe("val");
    expect(storedValue(fixture, "p:2")).toBe("value:2\x00\x00");
    expect(fixture.keyspace.databases[0].size).toBe(5);
    expect(fixture.effects.changes).toBe(0);
    for (const count of ["x", "-1"]) {
      expect(fixture.run("debug", "populate", count)).toBe(
        "-ERR value is out of range, must be positive\r\n",
      );
    }
  });

  test("OBJECT describes how a string is stored", () => {
    const fixture = new ServerFixture();
    const cases = [
      ["val", "embstr", 4],
      ["100", "int", 2],
      ["-300", "int", 3],
      ["100000", "int", 5],
      ["12345678901", "int", 12],
      ["x".repeat(45), "raw", 46],
      ["x".repeat(100), "raw", 102],
    ] as const;
    for (const [value, encoding, length] of cases) {
      fixture.set(0, "k", value);
      expect(fixture.run("debug", "object", "k")).toContain(
        ` refcount:1 encoding:${encoding} serializedlength:${length} lru:`,
      );
    }
    expect(fixture.run("debug", "object", "nokey")).toBe("-ERR no such key\r\n");
  });

  test("HTSTATS describes a database's index", () => {
    const fixture = new ServerFixture();
    fixture.set(0, "a", "1");
    fixture.set(0, "b", "1", START_MS + 1);
    const text = fixture.run("debug", "htstats", "0", "full");
    expect(text).toContain(" number of elements: 2\n[Expires HT]\n number of elements: 1\n");
    expect(fixture.run("debug", "htstats", "3")).toBe(bulk("[Dictionary HT]\n[Expires HT]\n"));
    expect(fixture.run("debug", "htstats", "16")).toBe("-ERR Out of range database\r\n");
  });
});
