import { describe, expect, test } from "bun:test";
import { REPLY_OFF, REPLY_ON } from "../../../src/command/client.ts";
import { array, bulk, OK, ServerFixture, SYNTAX_ERROR } from "./server-fixture.ts";

const WRONG_PASSWORD = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

function withPassword(password: string): ServerFixture {
  const fixture = new ServerFixture();
  fixture.acl.setDefaultPassword(password);
  fixture.first.authenticated = false;
  return fixture;
}

describe("AUTH", () => {
  test("without a password set, the short form is an error", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("auth", "x")).toBe(
      "-ERR AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?\r\n",
    );
  });

  test("without a password set, the default user may give any", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("auth", "default", "whatever")).toBe(OK);
    expect(fixture.run("auth", "nobody", "whatever")).toBe(WRONG_PASSWORD);
  });

  test("the right password authenticates, with and without the user's name", () => {
    for (const form of [["secret"], ["default", "secret"]]) {
      const fixture = withPassword("secret");
      expect(fixture.run("auth", ...form)).toBe(OK);
      expect(fixture.first.authenticated).toBe(true);
    }
  });

  test("wrong passwords are refused and counted", () => {
    const fixture = withPassword("secret");
    for (const password of ["", "secre", "secret1", "Secret", "s\x00cret"]) {
      expect(fixture.run("auth", password)).toBe(WRONG_PASSWORD);
    }
    expect(fixture.run("auth", "other", "secret")).toBe(WRONG_PASSWORD);
    expect(fixture.first.authenticated).toBe(false);
    expect(fixture.statistics.accessDeniedAuth).toBe(6);
  });

  test("a password is bytes", () => {
    const fixture = withPassword("p\xff\x00\xc3");
    expect(fixture.run("auth", "p\xfe\x00\xc3")).toBe(WRONG_PASSWORD);
    expect(fixture.run("auth", "p\xff\x00\xc3")).toBe(OK);
  });

  test("more than two arguments are a syntax error", () => {
    expect(new ServerFixture().run("auth", "a", "b", "c")).toBe(SYNTAX_ERROR);
  });
});

describe("HELLO", () => {
  const facts = (id: number, protocol: number) =>
    [
      bulk("server") + bulk("redis"),
      bulk("version") + bulk("7.4.0"),
      `${bulk("proto")}:${protocol}\r\n`,
      `${bulk("id")}:${id}\r\n`,
      bulk("mode") + bulk("standalone"),
      bulk("role") + bulk("master"),
      `${bulk("modules")}*0\r\n`,
    ].join("");

  test("HELLO without arguments tells about client and server", () => {
    expect(new ServerFixture().run("hello")).toBe(`*14\r\n${facts(1, 2)}`);
  });

  test("HELLO 3 is answered in RESP3 already, HELLO 2 in RESP2", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("hello", "3")).toBe(`%7\r\n${facts(1, 3)}`);
    expect(fixture.first.protocol).toBe(3);
    expect(fixture.run("hello", "2")).toBe(`*14\r\n${facts(1, 2)}`);
    expect(fixture.first.protocol).toBe(2);
  });

  test("only versions 2 and 3 exist", () => {
    const fixture = new ServerFixture();
    for (const version of ["1", "4", "-3", "9223372036854775807"]) {
      expect(fixture.run("hello", version)).toBe("-NOPROTO unsupported protocol version\r\n");
    }
    for (const version of ["x", " 3", "9223372036854775808"]) {
      expect(fixture.run("hello", version)).toBe(
        "-ERR Protocol version is not an integer or out of range\r\n",
      );
    }
    expect(fixture.first.protocol).toBe(2);
  });

  test("AUTH and SETNAME take effect together with the version", () => {
    const fixture = withPassword("pw");
    const reply = fixture.run("hello", "3", "setname", "me", "AUTH", "default", "pw");
    expect(reply).toStartWith("%7\r\n");
    expect(fixture.first.name).toBe("me");
    expect(fixture.first.authenticated).toBe(true);
  });

  test("a failed HELLO changes nothing", () => {
    const fixture = withPassword("pw");
    expect(fixture.run("hello", "3")).toStartWith("-NOAUTH HELLO must be called with");
    expect(fixture.run("hello", "3", "setname", "me", "auth", "default", "x")).toBe(WRONG_PASSWORD);
    expect(fixture.run("hello", "3", "setname", "a b", "auth", "default", "pw")).toBe(
      "-ERR Client names cannot contain spaces, newlines or special characters.\r\n",
    );
    expect(fixture.first.protocol).toBe(2);
    expect(fixture.first.name).toBe("");
    expect(fixture.first.authenticated).toBe(false);
  });

  test("options that are unknown or incomplete are named", () => {
    const fixture = new ServerFixture();
    for (const options of [["auth"], ["auth", "a"], ["setname"], ["foo"]]) {
      expect(fixture.run("hello", "3", ...options)).toBe(
        `-ERR Syntax error in HELLO option '${options[0]}'\r\n`,
      );
    }
  });
});

describe("PING and ECHO", () => {
  test("PING answers with PONG or its argument", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("ping")).toBe("+PONG\r\n");
    expect(fixture.run("ping", "a b")).toBe(bulk("a b"));
    expect(fixture.run("ping", "a", "b")).toBe(
      "-ERR wrong number of arguments for 'ping' command\r\n",
    );
    expect(fixture.run("echo", "x\x00y")).toBe(bulk("x\x00y"));
  });

  test("PING of a RESP2 subscriber has the shape of a message", () => {
    const fixture = new ServerFixture();
    fixture.first.patternCount = 1;
    expect(fixture.run("ping")).toBe(array(bulk("pong"), bulk("")));
    expect(fixture.run("ping", "x")).toBe(array(bulk("pong"), bulk("x")));
    fixture.first.protocol = 3;
    expect(fixture.run("ping")).toBe("+PONG\r\n");
  });
});

describe("SELECT", () => {
  test("the rest of a batch goes on in the database selected", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("select", "15")).toBe(OK);
    expect(fixture.first.dbIndex).toBe(15);
    expect(fixture.c.db.index).toBe(15);
  });

  test("what is no database of this server is refused", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("select", "16")).toBe("-ERR DB index is out of range\r\n");
    expect(fixture.run("select", "-1")).toBe("-ERR DB index is out of range\r\n");
    expect(fixture.run("select", "x")).toBe("-ERR value is not an integer or out of range\r\n");
    expect(fixture.run("select", "99999999999")).toBe(
      "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n",
    );
    expect(fixture.first.dbIndex).toBe(0);
  });
});

describe("QUIT and RESET", () => {
  test("QUIT closes after its reply", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("quit")).toBe(OK);
    expect(fixture.channelOf(fixture.first).closed).toBe("after-reply");
  });

  test("RESET makes the connection a new one", () => {
    const fixture = new ServerFixture();
    const client = fixture.first;
    fixture.run("hello", "3", "setname", "me");
    fixture.run("select", "4");
    fixture.run("client", "no-evict", "on");
    fixture.run("client", "no-touch", "on");
    fixture.run("monitor");
    client.replyMode = REPLY_OFF;
    fixture.acl.setDefaultPassword("pw");
    expect(fixture.run("reset")).toBe("+RESET\r\n");
    expect(client.protocol).toBe(2);
    expect(client.name).toBe("");
    expect(client.dbIndex).toBe(0);
    expect(client.noEvict || client.noTouch || client.isMonitor).toBe(false);
    expect(fixture.monitors.size).toBe(0);
    expect(fixture.first.replyMode).toBe(REPLY_ON);
    expect(client.authenticated).toBe(false);
  });
});
