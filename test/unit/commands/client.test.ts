import { describe, expect, test } from "bun:test";
import { REPLY_OFF, REPLY_ON, REPLY_SKIP_NEXT } from "../../../src/command/client.ts";
import { PAUSE_ALL, PAUSE_NONE, PAUSE_WRITE } from "../../../src/command/pauses.ts";
import { flagsOf } from "../../../src/commands/client-line.ts";
import {
  array,
  bulk,
  NOT_AN_INTEGER,
  OK,
  ServerFixture,
  START_MS,
  SYNTAX_ERROR,
} from "./server-fixture.ts";

describe("CLIENT INFO and LIST", () => {
  test("a line has every field, in Redis's order", () => {
    const fixture = new ServerFixture();
    const client = fixture.first;
    const channel = fixture.channelOf(client);
    channel.queryBytes = 26;
    channel.queryCapacity = 100;
    channel.outputBytes = 7;
    channel.outputCapacity = 64;
    client.queuedBytes = 5;
    client.queuedCommands = 2;
    client.name = "me";
    client.libraryName = "lib";
    client.libraryVersion = "1.2";
    client.dbIndex = 3;
    client.lastInteractionMs = START_MS + 3000;
    fixture.clock.advance(5900);
    expect(fixture.run("client", "info")).toBe(
      bulk(
        "id=1 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 fd=8 name=me age=5 idle=2 flags=x db=3 " +
          "sub=0 psub=0 ssub=0 multi=2 watch=0 qbuf=26 qbuf-free=74 argv-mem=10 multi-mem=5 " +
          "rbs=0 rbp=0 obl=0 oll=1 omem=64 tot-mem=179 events=rw cmd=client|info user=default " +
          "redir=-1 resp=2 lib-name=lib lib-ver=1.2 io-thread=0\n",
      ),
    );
  });

  test("flags have Redis's letters, N for none", () => {
    const { first } = new ServerFixture();
    expect(flagsOf(first)).toBe("N");
    first.blocked = true;
    first.noEvict = true;
    first.noTouch = true;
    first.channelCount = 1;
    first.isReadonly = true;
    expect(flagsOf(first)).toBe("PbreT");
    first.isMonitor = true;
    first.closing = true;
    first.closingAfterReply = true;
    first.dirtyWatch = true;
    first.tracking = { redirect: 0, letters: "tB" };
    first.queuedCommands = 0;
    expect(flagsOf(first)).toBe("OPxbtBdcAreT");
    const { second } = new ServerFixture();
    second.kind = "replica";
    expect(flagsOf(second)).toBe("S");
    second.kind = "master";
    expect(flagsOf(second)).toBe("M");
  });

  test("LIST shows all clients, those of a type or those with identifiers", () => {
    const fixture = new ServerFixture();
    fixture.second.channelCount = 1;
    const idsOf = (reply: string) => [...reply.matchAll(/^id=(\d+)/gm)].map((match) => match[1]);
    expect(idsOf(fixture.run("client", "list"))).toEqual(["1", "2"]);
    expect(idsOf(fixture.run("client", "list", "type", "pubsub"))).toEqual(["2"]);
    expect(idsOf(fixture.run("client", "list", "TYPE", "Normal"))).toEqual(["1"]);
    expect(idsOf(fixture.run("client", "list", "id", "2", "99", "1"))).toEqual(["2", "1"]);
    expect(fixture.run("client", "list", "type", "replica")).toBe(bulk(""));
  });

  test("LIST in RESP3 is verbatim text", () => {
    const fixture = new ServerFixture();
    fixture.run("hello", "3");
    expect(fixture.run("client", "list", "id", "9")).toBe("=4\r\ntxt:\r\n");
  });

  test("LIST refuses what it does not understand", () => {
    const fixture = new ServerFixture();
    for (const rest of [["x"], ["type"], ["id"], ["type", "normal", "x"]]) {
      expect(fixture.run("client", "list", ...rest)).toBe(SYNTAX_ERROR);
    }
    expect(fixture.run("client", "list", "type", "bad")).toBe("-ERR Unknown client type 'bad'\r\n");
    expect(fixture.run("client", "list", "id", "1", "x")).toBe("-ERR Invalid client ID\r\n");
  });
});

describe("CLIENT SETNAME, GETNAME, SETINFO and ID", () => {
  test("names are set, read and taken away", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "getname")).toBe("$-1\r\n");
    expect(fixture.run("client", "setname", "me")).toBe(OK);
    expect(fixture.run("client", "getname")).toBe(bulk("me"));
    expect(fixture.run("client", "setname", "")).toBe(OK);
    expect(fixture.run("client", "getname")).toBe("$-1\r\n");
    expect(fixture.runAs(fixture.second, "client", "id")).toBe(":2\r\n");
  });

  test("names with blanks or control characters are refused", () => {
    const fixture = new ServerFixture();
    for (const name of ["a b", "a\n", "\x7f", "\xe9"]) {
      expect(fixture.run("client", "setname", name)).toBe(
        "-ERR Client names cannot contain spaces, newlines or special characters.\r\n",
      );
    }
  });

  test("a library tells its name and version", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "setinfo", "LIB-NAME", "lib")).toBe(OK);
    expect(fixture.run("client", "setinfo", "lib-ver", "1.2")).toBe(OK);
    expect(fixture.first.libraryName).toBe("lib");
    expect(fixture.first.libraryVersion).toBe("1.2");
    expect(fixture.run("client", "setinfo", "foo", "x")).toBe("-ERR Unrecognized option 'foo'\r\n");
    expect(fixture.run("client", "setinfo", "LIB-VER", "1 2")).toBe(
      "-ERR LIB-VER cannot contain spaces, newlines or special characters.\r\n",
    );
  });
});

describe("CLIENT switches", () => {
  test("NO-EVICT and NO-TOUCH are on or off", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "no-evict", "ON")).toBe(OK);
    expect(fixture.run("client", "no-touch", "on")).toBe(OK);
    expect(fixture.first.noEvict && fixture.first.noTouch).toBe(true);
    expect(fixture.run("client", "no-evict", "off")).toBe(OK);
    expect(fixture.run("client", "no-touch", "OFF")).toBe(OK);
    expect(fixture.first.noEvict || fixture.first.noTouch).toBe(false);
    expect(fixture.run("client", "no-evict", "maybe")).toBe(SYNTAX_ERROR);
    expect(fixture.run("client", "no-touch", "maybe")).toBe(SYNTAX_ERROR);
  });

  test("REPLY sets the mode; only ON is answered", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "reply", "skip")).toBe("");
    expect(fixture.first.replyMode).toBe(REPLY_SKIP_NEXT);
    expect(fixture.run("client", "reply", "off")).toBe("");
    expect(fixture.run("client", "reply", "skip")).toBe("");
    expect(fixture.first.replyMode).toBe(REPLY_OFF);
    expect(fixture.run("client", "reply", "on")).toBe(OK);
    expect(fixture.first.replyMode).toBe(REPLY_ON);
    expect(fixture.run("client", "reply", "x")).toBe(SYNTAX_ERROR);
  });
});

describe("CLIENT PAUSE and UNPAUSE", () => {
  test("a pause is of everything unless WRITE is given", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "pause", "100", "write")).toBe(OK);
    expect(fixture.pauses.level).toBe(PAUSE_WRITE);
    expect(fixture.run("client", "pause", "50")).toBe(OK);
    expect(fixture.pauses.level).toBe(PAUSE_ALL);
    expect(fixture.pauses.untilMs).toBe(START_MS + 100);
    expect(fixture.run("client", "unpause")).toBe(OK);
    expect(fixture.pauses.level).toBe(PAUSE_NONE);
  });

  test("a pause of 0 ms ends at once", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "pause", "0")).toBe(OK);
    expect(fixture.pauses.appliesTo(0, START_MS)).toBe(false);
  });

  test("bad timeouts and modes are refused", () => {
    const fixture = new ServerFixture();
    const refused = (...args: string[]) => fixture.run("client", "pause", ...args);
    expect(refused("x")).toBe("-ERR timeout is not an integer or out of range\r\n");
    expect(refused("-1")).toBe("-ERR timeout is negative\r\n");
    expect(refused("9223372036854775807")).toBe("-ERR timeout is out of range\r\n");
    expect(refused("x", "x")).toBe("-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
    expect(refused("1", "all", "x")).toBe(
      "-ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP.\r\n",
    );
    expect(fixture.pauses.level).toBe(PAUSE_NONE);
  });
});

describe("CLIENT KILL", () => {
  test("the old form closes one address, even its own", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "kill", "127.0.0.1:50002")).toBe(OK);
    expect(fixture.channelOf(fixture.second).closed).toBe("now");
    expect(fixture.run("client", "kill", "127.0.0.1:50001")).toBe(OK);
    expect(fixture.channelOf(fixture.first).closed).toBe("after-reply");
    expect(fixture.run("client", "kill", "1.2.3.4:5")).toBe("-ERR No such client\r\n");
  });

  test("the new form spares its client unless SKIPME is no", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "kill", "laddr", "127.0.0.1:6379")).toBe(":1\r\n");
    expect(fixture.channelOf(fixture.first).closed).toBe("");
    expect(fixture.run("client", "kill", "id", "1", "skipme", "no")).toBe(":1\r\n");
    expect(fixture.channelOf(fixture.first).closed).toBe("after-reply");
  });

  test("conditions must all hold", () => {
    const fixture = new ServerFixture();
    fixture.second.channelCount = 1;
    const kill = (...args: string[]) => fixture.run("client", "kill", ...args);
    expect(kill("id", "2", "type", "normal")).toBe(":0\r\n");
    expect(kill("addr", "127.0.0.1:50002", "user", "default", "type", "pubsub")).toBe(":1\r\n");
    expect(kill("id", "9007199254740993")).toBe(":0\r\n");
  });

  test("MAXAGE spares younger clients", () => {
    const fixture = new ServerFixture();
    fixture.clock.advance(5000);
    fixture.connect("127.0.0.1:50003");
    expect(fixture.run("client", "kill", "maxage", "6")).toBe(":0\r\n");
    expect(fixture.run("client", "kill", "maxage", "5")).toBe(":1\r\n");
    expect(fixture.channelOf(fixture.second).closed).toBe("now");
  });

  test("bad conditions are refused", () => {
    const fixture = new ServerFixture();
    const kill = (...args: string[]) => fixture.run("client", "kill", ...args);
    for (const id of ["x", "0", "-1"]) {
      expect(kill("id", id)).toBe("-ERR client-id should be greater than 0\r\n");
    }
    expect(kill("type", "x")).toBe("-ERR Unknown client type 'x'\r\n");
    expect(kill("user", "nobody")).toBe("-ERR No such user 'nobody'\r\n");
    expect(kill("maxage", "x")).toBe("-ERR maxage is not an integer or out of range\r\n");
    expect(kill("maxage", "0")).toBe("-ERR maxage should be greater than 0\r\n");
    expect(kill("skipme", "maybe")).toBe(SYNTAX_ERROR);
    expect(kill("id", "1", "foo")).toBe(SYNTAX_ERROR);
    expect(kill("foo", "bar")).toBe(SYNTAX_ERROR);
  });
});

describe("CLIENT UNBLOCK", () => {
  test("a blocked client is told why it goes on", () => {
    const fixture = new ServerFixture();
    const reasons: string[] = [];
    fixture.second.wait = { mayEnd: true, end: (reason) => reasons.push(reason) };
    expect(fixture.run("client", "unblock", "2")).toBe(":1\r\n");
    expect(fixture.run("client", "unblock", "2", "ERROR")).toBe(":1\r\n");
    expect(reasons).toEqual(["timeout", "error"]);
  });

  test("a client that is not blocked, or not there, is let be", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "unblock", "2")).toBe(":0\r\n");
    expect(fixture.run("client", "unblock", "99")).toBe(":0\r\n");
    expect(fixture.run("client", "unblock", "x")).toBe(NOT_AN_INTEGER);
    expect(fixture.run("client", "unblock", "2", "bad")).toBe(
      "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n",
    );
  });
});

describe("CLIENT TRACKING", () => {
  test("tracking is off and can be turned off", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("client", "tracking", "off")).toBe(OK);
    expect(fixture.run("client", "getredir")).toBe(":-1\r\n");
    expect(fixture.run("client", "trackinginfo")).toBe(
      array(
        bulk("flags"),
        array(bulk("off")),
        bulk("redirect"),
        ":-1\r\n",
        bulk("prefixes"),
        array(),
      ),
    );
    fixture.run("hello", "3");
    const info = fixture.run("client", "trackinginfo");
    expect(info).toStartWith(`%3\r\n${bulk("flags")}~1\r\n`);
    expect(fixture.run("client", "caching", "yes")).toStartWith("-ERR CLIENT CACHING can be");
  });

  test("options that do not go together are named", () => {
    const fixture = new ServerFixture();
    const on = (...args: string[]) => fixture.run("client", "tracking", "on", ...args);
    expect(on("redirect")).toBe(SYNTAX_ERROR);
    expect(on("redirect", "x")).toBe(NOT_AN_INTEGER);
    expect(on("redirect", "99")).toBe("-ERR The client ID you want redirect to does not exist\r\n");
    expect(on("redirect", "2", "redirect", "2")).toBe(
      "-ERR A client can only redirect to a single other client\r\n",
    );
    expect(on("prefix", "a")).toBe("-ERR PREFIX option requires BCAST mode to be enabled\r\n");
    expect(on("bcast", "optout")).toBe("-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n");
    expect(on("optin", "optout")).toBe(
      "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n",
    );
    expect(fixture.run("client", "tracking", "maybe")).toBe(SYNTAX_ERROR);
  });

  test("the first two overlapping prefixes are named, in the order given", () => {
    const fixture = new ServerFixture();
    const on = (...prefixes: string[]) =>
      fixture.run("client", "tracking", "on", "bcast", ...prefixes.flatMap((p) => ["prefix", p]));
    const overlap = (first: string, second: string) =>
      `-ERR Prefix '${first}' overlaps with another provided prefix '${second}'. ` +
      "Prefixes for a single client must not overlap.\r\n";
    expect(on("a", "ab")).toBe(overlap("a", "ab"));
    expect(on("ab", "c", "a")).toBe(overlap("ab", "a"));
    expect(on("zz", "a", "aab", "zzz")).toBe(overlap("zz", "zzz"));
    expect(on("x", "x")).toBe(overlap("x", "x"));
    expect(on("a", "b", "ab0", "abc")).toBe(overlap("a", "ab0"));
  });
});
