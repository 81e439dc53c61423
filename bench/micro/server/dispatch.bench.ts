// A whole server in this process, its sockets replaced: a chunk of requests goes in where the
// socket would deliver it, the replies come out where the socket would take them. So this is all
// that one event costs, but for the kernel. Each call sends 4,096 requests, so many in a chunk; the
// collection of garbage around it then costs every depth alike. There should be next to no garbage.

import { do_not_optimize } from "mitata";
import { createServer } from "../../../src/index.ts";
import type { Transport } from "../../../src/server/connection.ts";
import type { Accept, SocketHandler, SocketLayer } from "../../../src/server/sockets.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { keyName, randomText, requestText, seeded, shuffled } from "../../harness/data.ts";
import { checkResult, Digest, digestOfText } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const DEPTHS = [1, 16, 64, 512];
/** Requests per call. */
const CALL_REQUESTS = 4096;
const KEYS = sized(1_000_000, 1000);
const VALUE = randomText(seeded("dispatch value"), 32);

/** A socket that takes everything, and keeps a digest of it while it is asked to. */
class FakeTransport implements Transport {
  readonly descriptor = -1;
  readonly remoteAddress = "127.0.0.1:1";
  readonly localAddress = "127.0.0.1:2";
  taken = 0;
  digest: Digest | undefined;

  write(bytes: Uint8Array, start: number, length: number): number {
    this.taken += length;
    this.digest?.bytes(bytes, start, start + length);
    return length;
  }

  close(): void {}
}

/** Listens to nobody; hands out what would be called for an accepted socket. */
class FakeSockets implements SocketLayer {
  connectTcp(): never {
    throw new Error("nothing here connects");
  }

  exchangeTcp(): never {
    throw new Error("nothing here connects");
  }

  accept: Accept | undefined;

  listenTcp(_address: string, _port: number, _options: unknown, accept: Accept) {
    this.accept = accept;
    return { port: 1, stop() {} };
  }

  listenUnix(): never {
    throw new Error("no unix sockets here");
  }
}

interface Session extends AsyncDisposable {
  readonly transport: FakeTransport;
  readonly handler: SocketHandler;
}

async function openSession(): Promise<Session> {
  const sockets = new FakeSockets();
  const server = await createServer({}, { sockets });
  const transport = new FakeTransport();
  const handler = sockets.accept?.(transport, false);
  if (handler === undefined) throw new Error("the server refused the connection");
  return { transport, handler, [Symbol.asyncDispose]: () => server.stop() };
}

function chunkOf(commands: readonly (readonly string[])[]): Uint8Array {
  return new Uint8Array(Buffer.from(commands.map(requestText).join(""), "latin1"));
}

/** A request, and the reply that it must get. */
interface Exchange {
  readonly request: readonly string[];
  readonly reply: string;
}

/** Yields a function that sends the next 4,096 requests, in chunks of `depth`. */
async function* exchangeChunks(
  depth: number,
  exchanges: readonly Exchange[],
  load = false,
  greeting: readonly (readonly string[])[] = [],
) {
  await using session = await openSession();
  const { transport, handler } = session;
  if (greeting.length > 0) handler.receive(chunkOf(greeting));
  if (load) {
    for (let k = 0; k < KEYS; k += 1000) {
      const sets = Array.from({ length: 1000 }, (_, j) => ["SET", keyName(k + j), VALUE]);
      handler.receive(chunkOf(sets));
    }
  }
  const chunks: Uint8Array[] = [];
  for (let k = 0; k + depth <= exchanges.length; k += depth) {
    chunks.push(chunkOf(exchanges.slice(k, k + depth).map(({ request }) => request)));
  }
  const checkReplies = () => {
    transport.digest = new Digest();
    for (const chunk of chunks) handler.receive(chunk);
    const expected = exchanges.slice(0, chunks.length * depth).map(({ reply }) => reply);
    checkResult("replies", transport.digest.value, digestOfText(expected.join("")));
    transport.digest = undefined;
  };
  checkReplies();
  let next = 0;
  yield () => {
    for (let sent = 0; sent < CALL_REQUESTS; sent += depth) {
      handler.receive(chunks[next]);
      if (++next === chunks.length) next = 0;
    }
    do_not_optimize(transport.taken);
  };
  checkReplies();
}

const EXCHANGES = sized(1 << 16, CALL_REQUESTS);

/** As many exchanges as the largest batch needs several of, over random keys of those there are. */
function randomExchanges(name: string, exchange: (key: string) => Exchange): Exchange[] {
  const order = shuffled(seeded(name), KEYS);
  return Array.from({ length: EXCHANGES }, (_, k) => exchange(keyName(order[k % KEYS])));
}

benchmark("4,096 PINGs, $depth at a time", async function* (args) {
  const exchanges = Array.from({ length: EXCHANGES }, () => {
    return { request: ["PING"], reply: "+PONG\r\n" };
  });
  yield* exchangeChunks(args.get("depth"), exchanges);
})
  .args("depth", DEPTHS)
  .gc("inner");

benchmark("4,096 GETs of 1 M keys, $depth at a time", async function* (args) {
  const exchanges = randomExchanges("gets", (key) => {
    return { request: ["GET", key], reply: `$${VALUE.length}\r\n${VALUE}\r\n` };
  });
  yield* exchangeChunks(args.get("depth"), exchanges, true);
})
  .args("depth", DEPTHS)
  .gc("inner");

benchmark("4,096 SETs of 1 M keys, $depth at a time", async function* (args) {
  const exchanges = randomExchanges("sets", (key) => {
    return { request: ["SET", key, VALUE], reply: "+OK\r\n" };
  });
  yield* exchangeChunks(args.get("depth"), exchanges, true);
})
  .args("depth", DEPTHS)
  .gc("inner");

benchmark("4,096 SETs with EX and EXISTS by turns, $depth at a time", async function* (args) {
  const exchanges = randomExchanges("volatile sets", (key) => {
    return { request: ["SET", key, VALUE, "EX", "1000"], reply: "+OK\r\n" };
  });
  for (let k = 1; k < exchanges.length; k += 2) {
    const key = exchanges[k - 1].request[1];
    exchanges[k] = { request: ["EXISTS", key], reply: ":1\r\n" };
  }
  yield* exchangeChunks(args.get("depth"), exchanges, true);
})
  .args("depth", DEPTHS)
  .gc("inner");

/** Who asks: clients whose user may do everything pay nothing for there being users. */
const USERS: Readonly<Record<string, readonly string[]>> = {
  "the default user": [],
  "a user of everything": ["allkeys", "allchannels", "allcommands"],
  "a user of some commands and keys": ["+@read", "+set", "-mget", "%R~user:*", "~key:*"],
};

for (const [user, rules] of Object.entries(USERS)) {
  benchmark(`4,096 GETs of 1 M keys by ${user}`, async function* () {
    const exchanges = randomExchanges("gets by users", (key) => {
      return { request: ["GET", key], reply: `$${VALUE.length}\r\n${VALUE}\r\n` };
    });
    const become = [
      ["ACL", "SETUSER", "worker", "reset", "on", "nopass", ...rules],
      ["AUTH", "worker", "any"],
    ];
    yield* exchangeChunks(64, exchanges, true, rules.length > 0 ? become : []);
  }).gc("inner");
}
