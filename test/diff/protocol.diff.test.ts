// The protocol itself: frames well-formed and not, inline commands, limits, closed connections.

import { connect as connectSocket } from "node:net";
import { binary } from "../harness/client.ts";
import { differential } from "../harness/differential.ts";
import { HOSTILE_INTEGERS } from "../harness/generate.ts";
import type { ServerProcess } from "../harness/process.ts";
import { plainValue } from "../harness/reply.ts";

const PING = "*1\r\n$4\r\nPING\r\n";

/**
 * Numbers that a frame header may carry. None with a line end, and none with NUL: Redis looks for
 * the line end as C does and waits for ever behind a NUL.
 */
const HEADER_NUMBERS = HOSTILE_INTEGERS.filter((text) => /^[^\n\0]{0,99}$/.test(text)).concat(
  ...["1048576", "1048577", "1073741823", "1073741824", "536870912", "536870913", "512mb"],
);

differential("protocol", "redis8", ({ frames, probe }) => {
  frames("every multibulk count that is none is refused alike", function* () {
    for (const text of HEADER_NUMBERS) {
      yield `*${text}\r\n`;
      yield `${PING}*${text}\r\n${PING}`;
    }
  });

  frames("every bulk length that is none is refused alike", function* () {
    for (const text of HEADER_NUMBERS) {
      // A length that could be right would wait for that many bytes.
      if (/^\d+$/.test(text) && Number(text) < 2 ** 29 + 1) continue;
      yield `*1\r\n$${text}\r\n`;
      yield `*2\r\n$4\r\nPING\r\n$${text}\r\nxx\r\n`;
    }
  });

  frames("anything but a bulk header inside a multibulk is refused alike", function* () {
    for (let byte = 0; byte < 256; byte++) {
      if (byte !== 36 && byte !== 0) yield `*1\r\n${String.fromCharCode(byte)}4\r\nPING\r\n`;
    }
    yield "*2\r\n$4\r\nPING\r\n+OK\r\n";
    yield "*1\r\n*1\r\n$4\r\nPING\r\n";
    yield "*1\r\n:1\r\n";
  });

  frames("line ends other than CR LF are taken as Redis takes them", function* () {
    yield "*1\n$4\nPING\n";
    yield "*1\r\r$4\r\nPING\r\n";
    yield "*1\r\n$4\r\nPINGxx";
    yield "*1\r\n$4xx\r\nPING\r\n";
    yield "*1\rX$4\rXPING\rX";
    yield "*1\r\n$4\r\rPING\r\r";
    yield "PING\n";
    yield "PING\r\n";
    yield "PING\r\r\n";
    yield "\rPING\r\n";
    yield "PI\rNG\r\n";
    yield "PING hello\n\nPING\n";
  });

  frames("empty and negative frames are skipped", function* () {
    yield "*0\r\n";
    yield "*-1\r\n";
    yield "*-10\r\n";
    yield "\r\n";
    yield "\n\n\r\n\n";
    yield "   \r\n";
    yield "\t\r\n";
    yield "*0\r\n*-1\r\n\r\n*1\r\n$4\r\nPING\r\n";
    yield "*1\r\n$0\r\n\r\n";
    yield "*2\r\n$0\r\n\r\n$0\r\n\r\n";
  });

  frames("inline commands are split and unquoted as Redis does", function* () {
    const words = ["a", '"a b"', "'a b'", '"a\\"b"', "'a\\'b'", '"\\x41\\n\\r\\t\\b\\a\\\\"', '""'];
    words.push("''", '"\\xzz"', '"\\x4"', "'\\n'", 'a"b', "a'b", "\\", '"\\q"', '"\\xff\\x00"');
    for (const word of words) {
      yield `ECHO ${word}\r\n`;
      yield `echo  \t ${word}   \r\n`;
      yield ` ECHO\t${word}\n`;
      yield `${word} x\r\n`;
      for (const other of words) yield `SET ${word} ${other}\r\n`;
    }
  });

  frames("unbalanced quotes close the connection", function* () {
    for (const text of ['"', "'", '"a', "'a", 'a"', '"a"b', "'a'b", '"a""b"', "'\\'", '"\\"']) {
      yield `ECHO ${text}\r\n`;
      yield `${text}\r\n`;
    }
  });

  frames("requests that come from a browser are cut off", function* () {
    yield "POST / HTTP/1.1\r\n";
    yield "post\r\n";
    yield "Host: localhost\r\n";
    yield "host:\r\n";
    yield "GET / HTTP/1.1\r\nHost: localhost:6379\r\nAccept: */*\r\n\r\n";
    yield "*1\r\n$4\r\nPOST\r\n";
    yield "*1\r\n$5\r\nHost:\r\n";
    yield "*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n";
    yield "PUT / HTTP/1.1\r\n";
    yield "HEAD / HTTP/1.1\r\n";
  });

  frames("unknown commands are quoted back, cut to size", function* () {
    yield "nosuch\r\n";
    yield "nosuch a b c\r\n";
    yield `nosuch ${"x".repeat(200)}\r\n`;
    yield `${"y".repeat(200)} ${"x".repeat(100)} ${"z".repeat(100)}\r\n`;
    yield `nosuch ${"word ".repeat(60)}\r\n`;
    yield "*2\r\n$6\r\nno\r\nch\r\n$4\r\na\r\nb\r\n";
    yield "*3\r\n$3\r\na\0b\r\n$1\r\n\xff\r\n$2\r\n'\"\r\n";
    yield "*1\r\n$3\r\nge\0\r\n";
    yield "config nosuch\r\n";
    yield `config ${"x".repeat(200)}\r\n`;
    yield `object ${"x".repeat(130)} k\r\n`;
    yield "client nosuch a b\r\n";
    yield "config\r\nclient\r\nobject\r\ncommand nosuch\r\n";
    yield "*2\r\n$6\r\nconfig\r\n$4\r\na\r\nb\r\n";
  });

  frames("commands after QUIT are not executed", function* () {
    yield `*1\r\n$4\r\nQUIT\r\n${PING}`;
    yield "quit\r\nping\r\n";
    yield "quit now please\r\nping\r\n";
    yield `${PING}*2\r\n$4\r\nquit\r\n$1\r\nx\r\n${PING}`;
  });

  frames("replies before a protocol error still arrive", function* () {
    yield `${PING}${PING}*x\r\n${PING}`;
    yield `SET k v\r\nGET k\r\n*1\r\nbad\r\n`;
    yield `${PING.repeat(2000)}*1\r\n$-5\r\n`;
  });

  probe("an inline request beyond 64 KB without a line end is refused", async (client) => {
    client.send("a".repeat(65_537));
    return [plainValue(await client.next()), (await client.next()).kind];
  });

  probe("a multibulk count beyond 64 KB without a line end is refused", async (client) => {
    client.send(`*${"1".repeat(65_536)}`);
    return [plainValue(await client.next()), (await client.next()).kind];
  });

  probe("a bulk length beyond 64 KB without a line end is refused", async (client) => {
    client.send(`*1\r\n$${"1".repeat(65_536)}`);
    return [plainValue(await client.next()), (await client.next()).kind];
  });

  probe("an inline request of nearly 64 KB is executed", async (client) => {
    client.send(`ECHO ${"a".repeat(65_000)}\r\n`);
    return (await client.next()).raw;
  });

  probe("a request in single bytes is executed", async (client) => {
    for (const byte of `${PING}SET k v\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) client.send(byte);
    return [await client.next(), await client.next(), await client.next()];
  });

  probe("proto-max-bulk-len limits a bulk and is itself limited", async (client) => {
    const replies = [await client.ask("config", "set", "proto-max-bulk-len", "100")];
    replies.push(await client.ask("config", "set", "proto-max-bulk-len", "1048576"));
    client.send("*2\r\n$4\r\nECHO\r\n$1048577\r\n");
    replies.push(await client.next(), await client.next());
    return replies;
  });

  probe("what was sent before a half-close is answered", (_, side) => {
    return halfClosed(side.server, `${PING}SET k v\r\nGET k\r\n`);
  });
});

/** Sends a text, closes the sending half and returns everything that comes back. */
function halfClosed(server: ServerProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connectSocket({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
    socket.end(binary(text));
  });
}

const AUTHENTICATED = {
  args: ["--requirepass", "secret"],
  greeting: ["auth", "secret"],
};

differential(
  "protocol without authentication",
  "redis8",
  ({ frames, probe }) => {
    frames("an unauthenticated client is held to small requests", function* () {
      yield "*10\r\n$4\r\nPING\r\n";
      for (const count of ["11", "1000", "2147483647", "2147483648", "-1", "0"]) {
        yield `*${count}\r\n`;
      }
      yield `*1\r\n$16384\r\n${"x".repeat(16_384)}\r\n`;
      for (const length of ["16385", "536870912", "536870913", "-1"]) {
        yield `*1\r\n$${length}\r\n`;
      }
    });

    frames("commands before AUTH are refused with NOAUTH", function* () {
      yield "*1\r\n$4\r\nPING\r\n";
      yield "set k v\r\n";
      yield "get\r\n";
      yield "nosuch command\r\n";
      yield "config nosuch\r\n";
      yield "client id\r\n";
      yield "command count\r\n";
      yield "hello\r\n";
      yield "hello 3\r\n";
      yield "hello 4\r\n";
      yield "hello x\r\n";
      yield "hello 3 auth default wrong\r\n";
      yield "hello 3 setname x\r\n";
      yield "auth wrong\r\n";
      yield "auth default wrong\r\n";
      yield "auth nosuch secret\r\n";
      yield "auth\r\nauth a b c\r\n";
      yield "auth secret\r\nset mine v\r\nget mine\r\n";
      yield "auth default secret\r\nget other\r\n";
      // The limits are lifted by the AUTH in front, even when all of it arrives at once.
      yield `auth secret\r\n*2\r\n$4\r\nECHO\r\n$20000\r\n${"x".repeat(20_000)}\r\n`;
      yield `auth secret\r\n*12\r\n$6\r\nEXISTS\r\n${"$1\r\nk\r\n".repeat(11)}`;
      yield "auth secret\r\nreset\r\nget k\r\n";
      yield "reset\r\nget k\r\n";
      yield "quit\r\n";
    });

    probe("HELLO authenticates and names in one go", async (_, side) => {
      const client = await side.connect();
      const first = plainValue(await client.ask("hello", "3", "auth", "default", "secret", "x"));
      const hello = ["hello", "2", "AUTH", "default", "secret", "SETNAME", "me"] as const;
      const second = plainValue(await client.ask(...hello));
      const names = Array.isArray(second) ? second.filter((_, k) => k % 2 === 0) : second;
      return [first, names, await client.run("client", "getname")];
    });

    probe("CONFIG SET requirepass changes what AUTH takes", async (client, side) => {
      const replies = [await client.ask("config", "get", "requirepass")];
      replies.push(await client.ask("config", "set", "requirepass", ""));
      const other = await side.connect();
      replies.push(await other.ask("get", "k"), await other.ask("auth", "anything"));
      replies.push(await client.ask("config", "set", "requirepass", "secret"));
      replies.push(await other.ask("get", "k"), await other.ask("auth", "default", "secret"));
      return replies;
    });
  },
  AUTHENTICATED,
);
