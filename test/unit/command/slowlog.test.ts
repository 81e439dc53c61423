import { describe, expect, test } from "bun:test";
import { latin1Text } from "../../../src/base/text.ts";
import { EntryLog } from "../../../src/command/slowlog.ts";
import { ServerFixture, START_MS } from "../commands/server-fixture.ts";

/** Logs a command of the fixture's first client. */
function logCommand(log: EntryLog, value: number, ...args: string[]): void {
  const fixture = new ServerFixture();
  fixture.first.name = "someone";
  fixture.point(fixture.first, ...args);
  log.add(fixture.c, value);
}

function argumentsOf(log: EntryLog): string[] {
  return log.newest(1)[0].arguments.map((argument) => latin1Text(argument));
}

describe("EntryLog", () => {
  test("an entry says what was called, when, by whom and for how long", () => {
    const log = new EntryLog();
    logCommand(log, 12.9, "echo", "hello");
    const [entry] = log.newest(1);
    expect(entry.id).toBe(0);
    expect(entry.seconds).toBe(START_MS / 1000);
    expect(entry.value).toBe(12);
    expect(entry.clientAddress).toBe("127.0.0.1:50001");
    expect(entry.clientName).toBe("someone");
    expect(argumentsOf(log)).toEqual(["echo", "hello"]);
  });

  test("arguments longer than 128 bytes are cut with a note", () => {
    const log = new EntryLog();
    logCommand(log, 1, "echo", "v".repeat(200));
    expect(argumentsOf(log)[1]).toBe(`${"v".repeat(128)}... (72 more bytes)`);
    logCommand(log, 1, "echo", "v".repeat(128));
    expect(argumentsOf(log)[1]).toBe("v".repeat(128));
  });

  test("of more than 32 arguments 31 are kept with a note", () => {
    const log = new EntryLog();
    logCommand(log, 1, "info", ...Array.from({ length: 42 }, (_, k) => `s${k}`));
    const kept = argumentsOf(log);
    expect(kept.length).toBe(32);
    expect(kept[30]).toBe("s29");
    expect(kept[31]).toBe("... (12 more arguments)");
    logCommand(log, 1, "info", ...new Array(31).fill("s"));
    expect(argumentsOf(log)[31]).toBe("s");
  });

  test("the newest entries are kept and identifiers go on", () => {
    const log = new EntryLog();
    log.lengthMax = 3;
    for (let k = 0; k < 5; k++) logCommand(log, k, "ping");
    expect(log.newest(10).map((entry) => entry.id)).toEqual([4, 3, 2]);
    log.clear();
    expect(log.length).toBe(0);
    logCommand(log, 0, "ping");
    expect(log.newest(1)[0].id).toBe(5);
  });

  test("a log of length 0 keeps nothing", () => {
    const log = new EntryLog();
    log.lengthMax = 0;
    logCommand(log, 1, "ping");
    expect(log.length).toBe(0);
  });

  test("secrets are not shown", () => {
    const log = new EntryLog();
    logCommand(log, 1, "HELLO", "3", "AUTH", "user", "pass", "SETNAME", "n");
    expect(argumentsOf(log)).toEqual([
      "HELLO",
      "3",
      "AUTH",
      "(redacted)",
      "(redacted)",
      "SETNAME",
      "n",
    ]);
    logCommand(log, 1, "auth", "u", "p");
    expect(argumentsOf(log)).toEqual(["auth", "(redacted)", "(redacted)"]);
  });
});
