import { describe, expect, test } from "bun:test";
import { array, bulk, OK, ServerFixture, START_MS } from "./server-fixture.ts";

const BAD_COUNT = "-ERR count should be greater than or equal to -1\r\n";
const BAD_TYPE = "-ERR type should be one of the following: slow, large-request, large-reply\r\n";

function entry(id: number, value: number, ...args: string[]): string {
  return array(
    `:${id}\r\n`,
    `:${START_MS / 1000}\r\n`,
    `:${value}\r\n`,
    array(...args.map(bulk)),
    bulk("127.0.0.1:50001"),
    bulk("me"),
  );
}

/** A fixture whose slow log holds PING 0 to PING 11. */
function filled(): ServerFixture {
  const fixture = new ServerFixture();
  fixture.first.name = "me";
  for (let k = 0; k < 12; k++) {
    fixture.point(fixture.first, "ping", String(k));
    fixture.commandLog.slow.add(fixture.c, 100 + k);
  }
  return fixture;
}

describe("SLOWLOG", () => {
  test("GET shows the newest entries first, ten unless asked otherwise", () => {
    const fixture = filled();
    expect(fixture.run("slowlog", "get")).toStartWith(`*10\r\n${entry(11, 111, "ping", "11")}`);
    expect(fixture.run("slowlog", "get", "2")).toBe(
      array(entry(11, 111, "ping", "11"), entry(10, 110, "ping", "10")),
    );
    expect(fixture.run("slowlog", "get", "-1")).toStartWith("*12\r\n");
    expect(fixture.run("slowlog", "get", "99999999999")).toStartWith("*12\r\n");
    expect(fixture.run("slowlog", "get", "0")).toBe("*0\r\n");
  });

  test("GET refuses counts below -1", () => {
    const fixture = filled();
    expect(fixture.run("slowlog", "get", "-2")).toBe(BAD_COUNT);
    expect(fixture.run("slowlog", "get", "x")).toBe(BAD_COUNT);
    expect(fixture.run("slowlog", "get", "1", "2")).toBe(
      "-ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.\r\n",
    );
  });

  test("LEN counts and RESET forgets", () => {
    const fixture = filled();
    expect(fixture.run("slowlog", "len")).toBe(":12\r\n");
    expect(fixture.run("slowlog", "reset")).toBe(OK);
    expect(fixture.run("slowlog", "len")).toBe(":0\r\n");
  });

  test("HELP lists the subcommands, itself last", () => {
    const help = new ServerFixture().run("slowlog", "help");
    expect(help).toContain("+SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n");
    expect(help).toEndWith("+HELP\r\n+    Print this help.\r\n");
  });
});

describe("COMMANDLOG", () => {
  test("each type has a log of its own", () => {
    const fixture = filled();
    fixture.point(fixture.first, "echo", "x");
    fixture.commandLog.largeRequest.add(fixture.c, 2_000_000);
    expect(fixture.run("commandlog", "get", "-1", "LARGE-REQUEST")).toBe(
      array(entry(0, 2_000_000, "echo", "x")),
    );
    expect(fixture.run("commandlog", "len", "slow")).toBe(":12\r\n");
    expect(fixture.run("commandlog", "len", "large-reply")).toBe(":0\r\n");
    expect(fixture.run("commandlog", "reset", "large-request")).toBe(OK);
    expect(fixture.run("commandlog", "len", "large-request")).toBe(":0\r\n");
    expect(fixture.run("commandlog", "len", "slow")).toBe(":12\r\n");
  });

  test("other types and counts are refused", () => {
    const fixture = filled();
    for (const call of [
      ["get", "1", "x"],
      ["len", "x"],
      ["reset", "x"],
      ["get", "x", "x"],
    ]) {
      expect(fixture.run("commandlog", ...call)).toBe(BAD_TYPE);
    }
    expect(fixture.run("commandlog", "get", "-2", "slow")).toBe(BAD_COUNT);
  });

  test("a negative threshold turns a log off", () => {
    const { commandLog } = new ServerFixture();
    commandLog.configure(commandLog.slow, -1, 5);
    expect(commandLog.slow.threshold).toBe(Number.POSITIVE_INFINITY);
    commandLog.configure(commandLog.slow, 0, 5);
    expect(commandLog.slow.threshold).toBe(0);
    expect(commandLog.slow.lengthMax).toBe(5);
  });
});
