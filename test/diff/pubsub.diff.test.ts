// Pub/Sub against Redis 8.0: every byte that each client receives, messages among them.

import { encodeCommand, type RawClient } from "../harness/client.ts";
import { type Command, differential, type Side } from "../harness/differential.ts";
import { HOSTILE_STRINGS } from "../harness/generate.ts";
import { plainValue } from "../harness/reply.ts";

const SUBSCRIPTION = ["subscribe", "unsubscribe", "psubscribe", "punsubscribe"];
const SHARD_SUBSCRIPTION = ["ssubscribe", "sunsubscribe"];

/** Names that are alike, and patterns that match some of them. */
const NAMES = ["a", "b", "ab", "", "a*", "[ab]", "?", "*", "h\\?llo", "\x00\r\n"];

let marker = 0;

/** Everything that a client receives until it is answered: what it asked, then a marker. */
async function transcript(client: RawClient, ...commands: Command[]): Promise<string> {
  const end = `end-of-transcript-${++marker}`;
  // An unknown command is answered in every mode.
  client.send(Buffer.concat([...commands, [end]].map((command) => encodeCommand(command))));
  let received = "";
  for (;;) {
    const reply = await client.next();
    received += client.pushes
      .splice(0)
      .map((push) => push.raw)
      .join("");
    if (reply.kind === "closed" || reply.kind === "silent") return `${received}<${reply.kind}>`;
    if (reply.text.includes(end)) return received;
    received += reply.raw;
  }
}

/** A further client in the battery's protocol. */
async function another(side: Side): Promise<RawClient> {
  const client = await side.connect();
  if (side.protocol === 3) await client.ask("hello", "3");
  return client;
}

differential("pubsub", "redis8", ({ compare, probe }) => {
  probe("subscribing and unsubscribing are told name by name", async (client) => {
    const seen: string[] = [];
    for (const word of [...SUBSCRIPTION, ...SHARD_SUBSCRIPTION]) {
      // Without names all are given up, in the order of a hash table.
      if (word.includes("unsub")) await transcript(client, [word]);
      else seen.push(await transcript(client, [word]));
      for (const name of NAMES) seen.push(await transcript(client, [word, name]));
      seen.push(await transcript(client, [word, "x", "y", "x"]));
    }
    for (const word of ["subscribe", "psubscribe", "ssubscribe"]) {
      const un = word.replace("sub", "unsub");
      seen.push(await transcript(client, [word, "only"]));
      // One name left: with more the order is that of a hash table.
      seen.push(await transcript(client, [un], [un], [un, "only"]));
    }
    return seen;
  });

  probe("hostile names are names", async (client, side) => {
    const publisher = await side.connect();
    const seen: string[] = [];
    for (const name of HOSTILE_STRINGS) {
      seen.push(await transcript(client, ["subscribe", name]));
      seen.push(await transcript(publisher, ["publish", name, name], ["spublish", name, name]));
      seen.push(await transcript(client, ["unsubscribe", name], ["psubscribe", name]));
      seen.push(await transcript(publisher, ["publish", name, name]));
      seen.push(await transcript(client, ["punsubscribe", name], ["ssubscribe", name]));
      seen.push(await transcript(publisher, ["spublish", name, "x"], ["publish", name, "x"]));
      seen.push(await transcript(client, ["sunsubscribe", name]));
    }
    return seen;
  });

  probe("messages reach channels and patterns", async (client, side) => {
    const publisher = await another(side);
    const second = await another(side);
    const seen: string[] = [];
    seen.push(await transcript(client, ["subscribe", "a", "b"], ["psubscribe", "a*"]));
    seen.push(await transcript(second, ["subscribe", "a"], ["ssubscribe", "a"]));
    for (const name of NAMES) {
      seen.push(await transcript(publisher, ["publish", name, "m"], ["spublish", name, "s"]));
      seen.push(await transcript(client));
      seen.push(await transcript(second));
    }
    for (const shown of [["channels"], ["shardchannels"], ["channels", "b*"], ["numpat"]]) {
      const value = plainValue(await publisher.ask("pubsub", ...shown));
      seen.push(JSON.stringify(Array.isArray(value) ? value.map(String).sort() : value));
    }
    seen.push(
      await transcript(
        publisher,
        ["pubsub", "numsub", "a", "b", "c", "a"],
        ["pubsub", "shardnumsub", "a", "b", "a"],
        ["pubsub", "numsub"],
        ["pubsub", "shardnumsub"],
      ),
    );
    second.close();
    await second.closed;
    while (plainValue(await publisher.ask("pubsub", "shardnumsub", "a"))?.toString() !== "a,0");
    seen.push(await transcript(publisher, ["publish", "a", "m"], ["pubsub", "shardchannels"]));
    return seen;
  });

  probe("a large message arrives whole at many", async (client, side) => {
    const others = [client];
    for (let k = 0; k < 10; k++) others.push(await another(side));
    others.push(await side.connect());
    for (const other of others) await transcript(other, ["subscribe", "a"]);
    const publisher = await side.connect();
    const large = "x".repeat(20_000);
    const seen = [await transcript(publisher, ["publish", "a", large], ["publish", "a", "small"])];
    for (const other of others) seen.push(await transcript(other));
    return seen;
  });

  probe("only few commands are allowed to a RESP2 subscriber", async (client) => {
    const tried: Command[] = [
      ...[
        ["get", "k"],
        ["client", "list", "x"],
        ["client", "id"],
        ["publish", "a", "m"],
      ],
      ...[["ping"], ["ping", "x"], ["ping", "x", "y"], ["hello", "9"], ["select", "0"], ["multi"]],
      ...[["get"], ["nosuch"], ["pubsub", "nosuch"], ["echo", "x"], ["config", "get", "hz"]],
    ];
    const ids = /:\d+\r\n$/;
    const seen: string[] = [];
    for (const word of ["subscribe", "psubscribe", "ssubscribe"]) {
      seen.push(await transcript(client, [word, "a"]));
      for (const command of tried.filter(([name]) => name !== "multi")) {
        const text = await transcript(client, command);
        seen.push(command[1] === "id" ? text.replace(ids, "<id>") : text);
      }
      seen.push(await transcript(client, [word.replace("sub", "unsub"), "a"], ["get", "k"]));
    }
    seen.push(
      await transcript(client, ["subscribe", "a"], ["get", "k"], ["unsubscribe"], ["ping"]),
    );
    return seen;
  });

  probe("a RESP3 publisher hears itself behind its reply", async (client) => {
    await client.ask("hello", "3");
    return [
      await transcript(client, ["subscribe", "a"], ["psubscribe", "*"], ["ssubscribe", "a"]),
      await transcript(client, ["publish", "a", "1"], ["publish", "a", "2"], ["get", "k"]),
      await transcript(client, ["spublish", "a", "1"], ["ping"], ["ping", "x"]),
      await transcript(client, ["hello", "2"], ["ping"], ["get", "k"], ["publish", "a", "1"]),
    ].map((text) => text.replace(/\*14\r\n[\s\S]*(?=\*2\r\n\$4\r\npong)/, "<hello>"));
  });

  probe("pushes come in spite of CLIENT REPLY", async (client, side) => {
    await client.ask("hello", "3");
    const publisher = await side.connect();
    const seen: string[] = [];
    client.send(encodeCommand(["client", "reply", "off"]));
    client.send(encodeCommand(["subscribe", "a"]));
    client.send(encodeCommand(["publish", "a", "self"]));
    client.send(encodeCommand(["get", "k"]));
    client.send(encodeCommand(["unsubscribe", "b"]));
    seen.push(await transcript(client, ["client", "reply", "on"]));
    seen.push(await transcript(publisher, ["publish", "a", "m"]));
    client.send(encodeCommand(["client", "reply", "skip"]));
    seen.push(await transcript(client, ["subscribe", "c"], ["get", "k"]));
    client.send(encodeCommand(["client", "reply", "skip"]));
    seen.push(await transcript(client, ["publish", "c", "x"], ["get", "k"]));
    return seen;
  });

  probe("transactions subscribe and publish", async (client) => {
    return [
      await transcript(client, ["multi"], ["subscribe", "a"], ["get", "k"], ["exec"], ["get", "k"]),
      await transcript(client, ["exec"], ["exec", "x"], ["multi"], ["discard"], ["reset"]),
      await transcript(client, ["multi"], ["psubscribe", "p"], ["punsubscribe"], ["exec"]),
      await transcript(
        client,
        ["exec", "x"],
        ["multi"],
        ["ssubscribe", "s"],
        ["exec"],
        ["get", "k"],
      ),
      (await client.ask("hello", "3")).kind,
      await transcript(client, ["subscribe", "a"], ["multi"], ["publish", "a", "1"], ["ping"]),
      await transcript(client, ["publish", "a", "2"], ["sunsubscribe"], ["exec"], ["ping"]),
    ];
  });

  probe("RESET and QUIT end the subscriptions", async (client, side) => {
    const publisher = await side.connect();
    const subscribe: Command[] = [
      ["subscribe", "a"],
      ["psubscribe", "a"],
      ["ssubscribe", "a"],
    ];
    const seen = [await transcript(client, ...subscribe)];
    seen.push(await transcript(client, ["reset"], ["get", "k"]));
    seen.push(await transcript(publisher, ["publish", "a", "m"], ["spublish", "a", "m"]));
    const second = await another(side);
    seen.push(await transcript(second, ...subscribe, ["quit"]));
    await second.closed;
    while (plainValue(await publisher.ask("pubsub", "numpat")) !== 0);
    seen.push(await transcript(publisher, ["publish", "a", "m"], ["pubsub", "channels"]));
    return seen;
  });

  probe("CLIENT LIST and INFO show who listens", async (client, side) => {
    const watcher = await side.connect();
    const seen: unknown[] = [];
    const id = plainValue(await client.ask("client", "id"));
    const look = async () => {
      const line = String(plainValue(await watcher.ask("client", "list", "id", String(id))));
      seen.push(/flags=\S+/.exec(line)?.[0], /sub=\S+ psub=\S+ ssub=\S+/.exec(line)?.[0]);
      const info = String(plainValue(await watcher.ask("info", "clients", "stats")));
      seen.push(info.match(/^pubsub\S+/gm));
      const listed = String(plainValue(await watcher.ask("client", "list", "type", "pubsub")));
      seen.push(listed.split("\n").length);
    };
    await look();
    for (const word of ["subscribe", "psubscribe", "ssubscribe"]) {
      await transcript(client, [word, "a", "b"]);
      await look();
    }
    for (const word of ["unsubscribe", "punsubscribe", "sunsubscribe"]) {
      await transcript(client, [word, "a"]);
      await look();
      await transcript(client, [word]);
      await look();
    }
    await transcript(client, ["subscribe", "a"]);
    seen.push(await transcript(watcher, ["client", "kill", "type", "pubsub"]));
    await client.closed;
    await look();
    return seen;
  });

  probe("a slow subscriber is cut off at its limit", async (client, side) => {
    const publisher = await side.connect();
    await transcript(publisher, [
      ...["config", "set", "client-output-buffer-limit", "pubsub 1mb 0 0 normal 0 0 0"],
    ]);
    await transcript(client, ["subscribe", "a"]);
    const half = "x".repeat(1 << 19);
    const seen = [await transcript(publisher, ["publish", "a", half])];
    seen.push(String((await transcript(client)).length));
    seen.push(await transcript(publisher, ["publish", "a", half + half + half]));
    await client.closed;
    while (plainValue(await publisher.ask("publish", "a", "x")) !== 0);
    return seen;
  });

  compare("PUBLISH and PUBSUB check what they are asked", function* () {
    for (const name of ["publish", "spublish", "pubsub"]) {
      for (let count = 0; count < 5; count++) yield [name, ...Array(count).fill("x")];
    }
    for (const sub of ["channels", "numsub", "numpat", "shardchannels", "shardnumsub", "help"]) {
      for (let count = 0; count < 4; count++) yield ["pubsub", sub, ...Array(count).fill("x")];
    }
    for (const value of HOSTILE_STRINGS) {
      yield ["publish", value, value];
      yield ["pubsub", value];
      yield ["pubsub", "numsub", value];
      yield ["pubsub", "channels", value];
    }
  });
});
