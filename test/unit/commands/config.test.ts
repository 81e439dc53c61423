// The CONFIG command over a real configuration; expected replies were recorded from Redis 8.0.

import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Client } from "../../../src/command/client.ts";
import { CommandContext } from "../../../src/command/context.ts";
import { Effects } from "../../../src/command/effects.ts";
import { PersistenceStatus } from "../../../src/command/persistence-status.ts";
import { CommandRegistry } from "../../../src/command/registry.ts";
import { configCommands } from "../../../src/commands/config.ts";
import type { Features } from "../../../src/commands/features.ts";
import { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/file.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { presentFamily } from "../../harness/present-family.ts";
import { MemoryFiles } from "../config/memory-files.ts";
import { RecordedChannel } from "./server-fixture.ts";

/** A configuration, a client and the CONFIG command between them. */
class Fixture {
  readonly files = new MemoryFiles();
  readonly config = new Config(this.files);
  readonly persistence = new PersistenceStatus();
  readonly reply = new ReplyWriter();
  readonly logged: string[] = [];
  resets = 0;

  /** Runs `CONFIG ...args`; arguments hold one character per byte. */
  run(args: string[], remoteAddress = "127.0.0.1:5000", isUnixSocket = false): string {
    const c = new CommandContext<Features>(this.#features(), this.reply, new Effects());
    c.client = new Client(1, new RecordedChannel(remoteAddress), 0, isUnixSocket);
    const words = ["CONFIG", ...args];
    const ends = Int32Array.from(words.map((_, k) => words.slice(0, k + 1).join("").length));
    const starts = Int32Array.from(words.map((word, k) => ends[k] - word.length));
    const bytes = latin1Bytes(words.join(""));
    c.setArguments(bytes, starts, ends, 0, words.length);
    const registry = CommandRegistry.of<Features>([presentFamily(configCommands)]);
    const container = registry.find(bytes, starts[0], ends[0]);
    const command = container?.subcommands?.find(bytes, starts[1], ends[1]);
    this.reply.clear();
    command!.run!(c);
    return latin1Text(this.reply.buffer, 0, this.reply.length);
  }

  #features(): Features {
    return {
      config: this.config,
      persistence: this.persistence,
      logger: { log: (_level: number, message: string) => this.logged.push(message) },
      resetStatistics: () => this.resets++,
    } as unknown as Features;
  }
}

describe("CONFIG GET", () => {
  test("answers names and values as a flat array, in RESP3 as a map", () => {
    const fixture = new Fixture();
    expect(fixture.run(["GET", "HZ"])).toBe("*2\r\n$2\r\nHZ\r\n$2\r\n10\r\n");
    fixture.reply.protocol = 3;
    expect(fixture.run(["GET", "hz"])).toBe("%1\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    expect(fixture.run(["GET", "nothing"])).toBe("%0\r\n");
  });

  test("gives back the bytes that were set", () => {
    const fixture = new Fixture();
    expect(fixture.run(["SET", "masterauth", "\xff\x00\xc3\xa9"])).toBe("+OK\r\n");
    expect(fixture.run(["GET", "masterauth"])).toBe(
      "*2\r\n$10\r\nmasterauth\r\n$4\r\n\xff\x00\xc3\xa9\r\n",
    );
  });
});

describe("CONFIG SET", () => {
  test("sets several directives", () => {
    const fixture = new Fixture();
    expect(fixture.run(["SET", "hz", "20", "timeout", "5"])).toBe("+OK\r\n");
    expect(fixture.config.integer("timeout")).toBe(5);
  });

  test("refuses a name without a value", () => {
    expect(new Fixture().run(["SET", "a", "b", "c"])).toBe("-ERR syntax error\r\n");
  });

  test("says which pair was the cause, in the client's spelling", () => {
    expect(new Fixture().run(["SET", "hz", "20", "Port", "x"])).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'Port') - " +
        "argument couldn't be parsed into an integer\r\n",
    );
  });

  const clients: [address: string, isUnixSocket: boolean, reply: string][] = [
    ["127.0.0.1:5000", false, "+OK"],
    ["[::1]:5000", false, "+OK"],
    ["/run/socket:0", true, "+OK"],
    ["10.0.0.1:5000", false, "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't"],
  ];
  test.each(clients)("of dir by %s, with local clients allowed", (address, isUnix, reply) => {
    const fixture = new Fixture();
    loadConfig(fixture.config, "enable-protected-configs local");
    expect(fixture.run(["SET", "dir", "/data"], address, isUnix)).toStartWith(reply);
  });

  test("answers LOADING for appendonly while data is loaded", () => {
    const fixture = new Fixture();
    fixture.persistence.loading = true;
    expect(fixture.run(["SET", "appendonly", "yes"])).toBe(
      "-LOADING Redis is loading the dataset in memory\r\n",
    );
  });
});

describe("CONFIG REWRITE", () => {
  test("needs a file", () => {
    expect(new Fixture().run(["REWRITE"])).toBe(
      "-ERR The server is running without a config file\r\n",
    );
  });

  test("writes the file and says so in the log", () => {
    const fixture = new Fixture();
    fixture.config.filePath = "/start/redis.conf";
    expect(fixture.run(["REWRITE"])).toBe("+OK\r\n");
    expect(fixture.files.contents.get("/start/redis.conf")).toContain('dir "/start"\n');
    expect(fixture.logged).toEqual(["CONFIG REWRITE executed with success."]);
  });
});

test("CONFIG RESETSTAT resets the statistics", () => {
  const fixture = new Fixture();
  expect(fixture.run(["RESETSTAT"])).toBe("+OK\r\n");
  expect(fixture.resets).toBe(1);
});

test("CONFIG HELP lists the subcommands as Redis writes them", () => {
  const lines = new Fixture().run(["HELP"]).split("\r\n");
  expect(lines.filter((line) => !line.startsWith("+    "))).toEqual([
    "*11",
    "+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "+GET <pattern>",
    "+SET <directive> <value>",
    "+RESETSTAT",
    "+REWRITE",
    "+HELP",
    "",
  ]);
});
