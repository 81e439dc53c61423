import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { feedMonitors, formatMonitorLine, quotedBytes } from "../../../src/command/monitor.ts";
import { ServerFixture } from "../commands/server-fixture.ts";

const WALL_US = 1_339_518_083_107_412;

describe("formatMonitorLine", () => {
  test("a line has time, database, client and quoted arguments", () => {
    const fixture = new ServerFixture();
    fixture.first.dbIndex = 3;
    fixture.point(fixture.first, "ECHO", "a b");
    expect(latin1Text(formatMonitorLine(fixture.c, WALL_US))).toBe(
      '+1339518083.107412 [3 127.0.0.1:50001] "ECHO" "a b"\r\n',
    );
  });

  test("microseconds are padded", () => {
    const fixture = new ServerFixture();
    fixture.point(fixture.first, "ping");
    expect(latin1Text(formatMonitorLine(fixture.c, 5_000_042))).toStartWith("+5.000042 ");
  });

  test("another source may stand for the client", () => {
    const fixture = new ServerFixture();
    fixture.point(fixture.first, "ping");
    const line = latin1Text(formatMonitorLine(fixture.c, WALL_US, "lua"));
    expect(line).toEndWith(' [0 lua] "ping"\r\n');
  });

  test("passwords are not shown", () => {
    const fixture = new ServerFixture();
    fixture.point(fixture.first, "auth", "secret");
    const line = latin1Text(formatMonitorLine(fixture.c, WALL_US));
    expect(line).toEndWith('"auth" "(redacted)"\r\n');
  });

  test("every monitor gets the line", () => {
    const fixture = new ServerFixture();
    fixture.point(fixture.first, "ping");
    feedMonitors([fixture.first, fixture.second], fixture.c, WALL_US);
    const sent = fixture.channelOf(fixture.second).sent;
    expect(sent).toEndWith('"ping"\r\n');
    expect(fixture.channelOf(fixture.first).sent).toBe(sent);
  });
});

describe("quotedBytes", () => {
  test("what is not printable ASCII is escaped", () => {
    const bytes = latin1Bytes('a"\\b\r\n\t\x07\b\x7f\x00\xc3\xa9');
    expect(quotedBytes(bytes, 0, bytes.length)).toBe(
      '"a\\"\\\\b\\r\\n\\t\\a\\b\\x7f\\x00\\xc3\\xa9"',
    );
  });

  test("an empty range is a pair of quotes", () => {
    expect(quotedBytes(latin1Bytes("abc"), 1, 1)).toBe('""');
  });
});
