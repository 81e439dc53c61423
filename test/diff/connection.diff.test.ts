// Connection commands against Redis 8.0: HELLO, AUTH, RESET, SELECT, CLIENT and the like.

import type { RawClient } from "../harness/client.ts";
import { differential, type Side } from "../harness/differential.ts";
import {
  arities,
  caseVariants,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import { plainValue } from "../harness/reply.ts";

const SUBCOMMANDS = [
  ...["caching", "getname", "getredir", "help", "id", "info", "kill", "list", "no-evict"],
  ...["no-touch", "pause", "reply", "setinfo", "setname", "tracking", "trackinginfo"],
  ...["unblock", "unpause"],
];

/** Subcommands after which replies are missing or late, or whose right form kills. */
const DISRUPTIVE = new Set(["reply", "pause", "kill"]);

const HELLO_PARTS = [["2"], ["3"], ["auth", "default", "x"], ["AUTH", "nosuch", "x"]];
HELLO_PARTS.push(["setname", "me"], ["SETNAME", "a b"], ["setname"], ["auth", "default"], ["junk"]);

differential("connection", "redis8", ({ compare, dialogue }) => {
  // Redis drops the error of a failed AUTH while earlier replies wait to be sent, so whatever may
  // fail to authenticate is not pipelined.
  dialogue("connection commands check their arity", function* () {
    for (const name of ["ping", "echo", "select", "auth", "hello", "reset", "client"]) {
      for (const command of arities(name, 4)) {
        yield command;
        if (name === "reset" || name === "hello") yield ["client", "getname"];
      }
    }
  });

  compare("PING and ECHO return what they are given", function* () {
    for (const value of HOSTILE_STRINGS) {
      yield ["ping", value];
      yield ["echo", value];
    }
    for (const name of ["ping", "echo", "select"]) {
      for (const variant of caseVariants(name)) yield [variant, "0"];
    }
  });

  compare("SELECT takes only databases that exist", function* () {
    for (const value of HOSTILE_INTEGERS.concat("15", "16")) yield ["select", value];
  });

  dialogue("HELLO takes every pair and triple of its parts", function* () {
    for (const parts of selections(HELLO_PARTS, 3)) {
      yield ["hello", ...parts.flat()];
      yield ["client", "getname"];
      yield ["client", "setname", ""];
      yield ["get", "absent"];
    }
    yield ["hello", "3"];
    for (const value of HOSTILE_INTEGERS) yield ["hello", value];
    yield ["hello", "2"];
    for (const variant of caseVariants("hello")) yield [variant, "3"];
  });

  compare("HELLO switches the protocol of the replies after it", function* () {
    for (const protocol of ["3", "2", "3", "3", "2", "4", "1", "0"]) {
      yield ["hello", protocol];
      yield ["get", "absent"];
      yield ["config", "get", "maxmemory"];
      yield ["mget", "absent", "absent"];
      yield ["command", "info", "nosuch"];
    }
  });

  compare("RESET forgets the name, the database and the protocol", function* () {
    yield ["client", "setname", "me"];
    yield ["select", "5"];
    yield ["set", "k", "in 5"];
    yield ["client", "no-touch", "on"];
    yield ["client", "no-evict", "on"];
    yield ["reset"];
    yield ["client", "getname"];
    yield ["get", "k"];
    yield ["client", "info"];
    yield ["hello"];
  });

  dialogue("AUTH without a password set", function* () {
    yield ["auth", "anything"];
    yield ["auth", "default", "anything"];
    yield ["auth", "nosuch", "anything"];
    yield ["auth", "", ""];
    yield ["auth", ""];
    yield ["auth", "a", "b", "c"];
  });

  compare("CLIENT subcommands check their arity", function* (known) {
    for (const name of SUBCOMMANDS) {
      if (!known(`client|${name}`)) continue;
      for (let count = 0; count <= 4; count++) {
        if (DISRUPTIVE.has(name) && count > 0) continue;
        if (name === "list" && count === 0) continue;
        yield ["client", name, ...new Array<string>(count).fill("x")];
        yield ["client", name.toUpperCase(), ...new Array<string>(count).fill("x")];
      }
    }
    yield ["client"];
    yield ["client", ""];
    yield ["client", "nosuch"];
    yield ["client", "help", "x"];
  });

  compare("CLIENT SETNAME and SETINFO take only printable names", function* () {
    for (const value of HOSTILE_STRINGS) {
      yield ["client", "setname", value];
      yield ["client", "getname"];
      for (const attribute of ["lib-name", "LIB-VER", "junk"]) {
        yield ["client", "setinfo", attribute, value];
      }
    }
    for (let byte = 0; byte < 256; byte++) {
      yield ["client", "setname", Buffer.from([97, byte])];
      yield ["client", "setinfo", "lib-name", Buffer.from([97, byte])];
    }
  });

  compare("CLIENT options refuse what they do not know", function* (known) {
    for (const name of ["no-evict", "no-touch", "caching", "tracking"]) {
      if (!known(`client|${name}`)) continue;
      for (const value of ["on", "OFF", "yes", "junk", ""]) yield ["client", name, value];
    }
    for (const value of ["junk", "", "skipp"]) yield ["client", "reply", value];
    for (const value of HOSTILE_INTEGERS) {
      yield ["client", "unblock", value];
      yield ["client", "unblock", value, "error"];
      yield ["client", "unblock", "0", value];
      if (!/^\d{1,19}$/.test(value)) yield ["client", "pause", value];
    }
    yield ["client", "pause", "0", "junk"];
    yield ["client", "pause", "0", "write"];
    yield ["client", "pause", "0", "ALL"];
    yield ["client", "pause", "0", "write", "x"];
    yield ["client", "unpause"];
    yield ["client", "getredir"];
    yield ["client", "trackinginfo"];
    yield ["client", "help"];
  });

  compare("CLIENT LIST refuses bad filters", function* () {
    for (const value of HOSTILE_INTEGERS) {
      if (!/^[1-9]\d{0,18}$/.test(value)) yield ["client", "list", "id", value];
      yield ["client", "list", "id", "999999999", value];
    }
    const types = ["master", "REPLICA", "slave", "pubsub", "junk", ""];
    for (const type of types) yield ["client", "list", "type", type];
    yield ["client", "list", "type"];
    yield ["client", "list", "type", "normal", "junk"];
    yield ["client", "list", "junk"];
    yield ["client", "list", "id"];
    yield ["client", "list", "id", "1", "junk"];
  });

  compare("CLIENT KILL refuses bad filters and counts what it kills", function* () {
    for (const value of HOSTILE_INTEGERS) {
      if (!/^[1-9]\d{0,18}$/.test(value)) yield ["client", "kill", "id", value];
      if (!/^[1-9]\d{0,18}$/.test(value)) yield ["client", "kill", "maxage", value];
    }
    yield ["client", "kill", "127.0.0.1:1"];
    yield ["client", "kill", "junk"];
    yield ["client", "kill", "addr", "127.0.0.1:1"];
    yield ["client", "kill", "LADDR", "127.0.0.1:1"];
    yield ["client", "kill", "type", "junk"];
    yield ["client", "kill", "type", "pubsub"];
    yield ["client", "kill", "user", "nosuch"];
    yield ["client", "kill", "skipme", "maybe"];
    yield ["client", "kill", "skipme", "no", "id", "999999999"];
    yield ["client", "kill", "id", "999999999", "skipme", "yes", "type", "normal"];
    yield ["client", "kill", "id"];
    yield ["client", "kill", "id", "999999999", "type"];
    yield ["client", "kill", "maxage", "100000000"];
    yield ["client", "kill", "junk", "junk"];
    yield ["client", "kill", "junk", "junk", "junk"];
  });
});

/** The lines of CLIENT LIST as records. */
async function listClients(client: RawClient, ...filter: string[]) {
  const text = String(await client.run("client", "list", ...filter));
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => new Map(line.split(" ").map((pair) => splitPair(pair))));
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** The fields that are the same on every server in the same situation. */
const COMPARABLE = [
  ...["name", "flags", "db", "sub", "psub", "ssub", "multi", "watch", "cmd", "user", "redir"],
  ...["resp", "lib-name", "lib-ver", "events"],
];

async function ownLine(client: RawClient): Promise<string[]> {
  const id = String(await client.run("client", "id"));
  const [line] = await listClients(client, "id", id);
  return COMPARABLE.map((field) => `${field}=${line.get(field)}`);
}

async function killed(victim: RawClient): Promise<string> {
  return (await victim.next()).kind;
}

differential("clients", "redis8", ({ probe }) => {
  probe("CLIENT LIST describes a client alike in every state", async (client) => {
    const lines = [await ownLine(client)];
    await client.run("client", "setname", "me");
    await client.run("client", "setinfo", "lib-name", "library");
    await client.run("client", "setinfo", "lib-ver", "1.2");
    await client.run("select", "3");
    lines.push(await ownLine(client));
    await client.run("client", "no-evict", "on");
    await client.run("client", "no-touch", "on");
    lines.push(await ownLine(client));
    await client.run("reset");
    lines.push(await ownLine(client));
    return lines;
  });

  probe("CLIENT LIST names the newest command of other clients", async (client, side) => {
    const other = await side.connect();
    const id = String(await other.run("client", "id"));
    const commands: string[] = [];
    for (const command of [
      ["ping"],
      ["config", "get", "port"],
      ["get", "k"],
      ["nosuch"],
      ["get"],
    ]) {
      await other.ask(...command);
      const [line] = await listClients(client, "id", id);
      commands.push(`${line.get("cmd")} ${line.get("tot-cmds")}`);
    }
    return commands;
  });

  probe("CLIENT LIST filters by id and type", async (client, side) => {
    const others = [await side.connect(), await side.connect()];
    const ids: string[] = [];
    for (const other of others) ids.push(String(await other.run("client", "id")));
    const listed = async (...filter: string[]) =>
      (await listClients(client, ...filter)).map((line) => ids.indexOf(line.get("id") ?? ""));
    return [
      await listed("id", ids[1]),
      await listed("id", ids[0], ids[1], "999999"),
      await listed("id", ids[1], ids[0]),
      (await listed("type", "normal")).filter((at) => at >= 0),
      await listed("type", "pubsub"),
    ];
  });

  probe("CLIENT KILL closes by id, address and type", async (client, side) => {
    const results: unknown[] = [];
    const filters: ((line: Map<string, string>) => string[])[] = [
      (line) => ["id", line.get("id") ?? ""],
      (line) => ["addr", line.get("addr") ?? ""],
      (line) => [line.get("addr") ?? ""],
      (line) => ["id", line.get("id") ?? "", "type", "normal", "skipme", "no"],
      (line) => ["user", "default", "addr", line.get("addr") ?? "", "skipme", "yes"],
    ];
    for (const filter of filters) {
      const victim = await side.connect();
      const id = String(await victim.run("client", "id"));
      const [line] = await listClients(client, "id", id);
      results.push(plainValue(await client.ask("client", "kill", ...filter(line))));
      results.push(await killed(victim));
    }
    return results;
  });

  probe("CLIENT KILL of oneself answers, then closes", async (client) => {
    const id = String(await client.run("client", "id"));
    const kept = plainValue(await client.ask("client", "kill", "id", id));
    const gone = plainValue(await client.ask("client", "kill", "id", id, "skipme", "no"));
    return [kept, gone, await killed(client)];
  });

  probe("CLIENT REPLY switches replies off, on and skips one", async (client) => {
    client.send("client reply skip\r\nping one\r\nping two\r\n");
    client.send("client reply off\r\nping three\r\nnosuch\r\nclient reply skip\r\nping\r\n");
    client.send("client reply on\r\nping four\r\nclient reply skip\r\nclient reply skip\r\n");
    client.send("ping five\r\nping six\r\nclient reply on\r\nping seven\r\n");
    const replies: string[] = [];
    while (replies.at(-1) !== "seven" && replies.length < 20) {
      replies.push(String(plainValue(await client.next())));
    }
    return replies;
  });

  probe("CLIENT PAUSE holds writes back until UNPAUSE", async (client, side) => {
    const writer = await side.connect();
    await client.run("client", "pause", "60000", "write");
    const read = await writer.run("get", "k");
    const write = writer.run("set", "k", "v");
    const ping = await client.run("ping");
    const before = await client.run("get", "k");
    const paused = await pausedClients(client);
    await client.run("client", "unpause");
    return [read, ping, before, paused, await write, await client.run("get", "k")];
  });

  probe("CLIENT PAUSE ALL holds even reads back until its time is over", async (client, side) => {
    const other = await side.connect();
    await client.run("client", "pause", "150", "all");
    const startMs = performance.now();
    const answers = await Promise.all([other.run("get", "k"), client.run("get", "k")]);
    return [answers, performance.now() - startMs > 50];
  });
});

async function pausedClients(client: RawClient): Promise<string[]> {
  const info = String(await client.run("info", "clients"));
  return info.split("\r\n").filter((line) => /^(paused_reason|paused_actions)/.test(line));
}

differential("reset and quit", "redis8", ({ probe }) => {
  const closing = async (side: Side, ...commands: string[][]) => {
    const client = await side.connect();
    const replies = await client.pipeline(commands);
    return replies.map((reply) => reply.raw);
  };

  probe("QUIT answers OK and closes", (_, side) => closing(side, ["quit"], ["ping"]));

  probe("RESET leaves RESP3", async (client) => {
    const replies = [await client.ask("hello", "3"), await client.ask("reset")];
    replies.push(await client.ask("get", "absent"));
    return replies.slice(1).map((reply) => reply.raw);
  });
});
