// Clients that cache what they read, in every mode of CLIENT TRACKING, against the data set itself:
// between random commands of every family, of anybody, and while time passes, no cache may hold
// what a read would not give. A value is what DUMP says of its key, whatever its type.
//
// SWAPDB, of which Redis tells nobody, is left out, and so are streams: their groups may change
// without a word. A client without loops forgets by itself what its own commands name.

import { type Argument, encodeCommand } from "../harness/client.ts";
import type { Command } from "../harness/differential.ts";
import type { Choices } from "../harness/generate.ts";
import { key } from "../harness/random-choices.ts";
import { randomCommands } from "../harness/random-commands.ts";
import { parseReply, type Reply } from "../harness/reply.ts";
import { type Peer, ServerFixture } from "../unit/server/server-fixture.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const LEFT_OUT = /^(x.*|swapdb|select|b[lrz].*|spop)$/;
/** One form for each type: DUMP shows the form too, which a command may change and nothing else. */
const DIRECTIVES = `enable-debug-command yes
hash-max-listpack-entries 0
zset-max-listpack-entries 0
set-max-listpack-entries 0
set-max-intset-entries 0`;
const PREFIXES = ["k0", "k1", "key"];
const READ_SCRIPT = "return redis.call('dump', KEYS[1])";
const WRITE_SCRIPT = "redis.call('get', KEYS[1]) return redis.pcall('append', KEYS[2], 'x')";

interface Mode {
  readonly options: readonly string[];
  readonly prefixes?: readonly string[];
  /** Messages go to another connection, a RESP2 subscriber. */
  readonly redirects?: boolean;
  /** What CLIENT CACHING says before a read. */
  readonly caching?: "yes" | "no";
}

const MODES: readonly Mode[] = [
  { options: [] },
  { options: ["noloop"] },
  { options: ["optin"], caching: "yes" },
  { options: ["optout"], caching: "no" },
  { options: ["bcast"] },
  { options: ["bcast", "noloop"] },
  { options: ["bcast", ...PREFIXES.flatMap((p) => ["prefix", p])], prefixes: PREFIXES },
  { options: [], redirects: true },
  { options: ["bcast"], redirects: true },
];

/** What a connection is sent, in order: replies go to whoever asked, pushes to one place. */
class Reader {
  readonly #peer: Peer;
  readonly #onPush: (push: Reply) => void;
  readonly #waiting: ((reply: Reply) => void)[] = [];

  constructor(peer: Peer, onPush: (push: Reply) => void) {
    this.#peer = peer;
    this.#onPush = onPush;
  }

  ask(command: readonly Argument[], take: (reply: Reply) => void = () => {}): void {
    this.#waiting.push(take);
    this.#peer.send(encodeCommand(command));
  }

  drain(): void {
    const bytes = Buffer.from(this.#peer.transport.take(), "latin1");
    for (let at = 0; at < bytes.length; ) {
      const reply = parseReply(bytes, at);
      check(reply !== undefined, "every reply is whole");
      at += reply.raw.length;
      if (reply.kind === ">" || this.#waiting.length === 0) this.#onPush(reply);
      else this.#waiting.shift()!(reply);
    }
  }
}

/** A client that caches. */
class Cacher {
  readonly mode: Mode;
  readonly cache = new Map<string, string>();
  readonly #reader: Reader;
  readonly #listener: Reader | undefined;

  constructor(fixture: ServerFixture, mode: Mode) {
    this.mode = mode;
    const forget = (push: Reply) => this.#forget(push);
    this.#reader = new Reader(fixture.connect(), forget);
    this.#reader.ask(["hello", "3"]);
    const redirect: string[] = [];
    if (mode.redirects) {
      this.#listener = new Reader(fixture.connect(), forget);
      this.#listener.ask(["client", "id"], ({ text }) => redirect.push("redirect", text));
      this.#listener.ask(["subscribe", "__redis__:invalidate"]);
      this.#listener.drain();
    }
    this.#reader.ask(["client", "tracking", "on", ...mode.options, ...redirect], (reply) => {
      check(reply.raw === "+OK\r\n", `tracking is on, not ${reply.raw}`);
    });
    this.drain();
  }

  /** Reads a key and keeps what it holds, if the mode is one in which that is tracked. */
  read(c: Choices): void {
    const name = String(key(c));
    const { caching, prefixes } = this.mode;
    const isCovered = prefixes === undefined || prefixes.some((prefix) => name.startsWith(prefix));
    const says = caching !== undefined && c.oneIn(2);
    if (says) this.#reader.ask(["client", "caching", caching]);
    const isTracked = isCovered && (caching === undefined || says === (caching === "yes"));
    // Without memory neither scripts nor transactions read.
    const keep = (value: Reply | undefined) => {
      if (isTracked && value !== undefined && value.kind !== "-") this.cache.set(name, value.raw);
    };
    const draw = c.below(6);
    if (draw === 0 && !this.mode.options.includes("noloop")) {
      this.#reader.ask(["multi"]);
      this.#reader.ask(["dump", name]);
      this.#reader.ask(["append", name, "y"]);
      this.#reader.ask(["exec"], ({ items }) => keep(items[0]));
    } else if (draw === 1) {
      this.#reader.ask(["eval", READ_SCRIPT, 1, name], keep);
    } else {
      this.#reader.ask(["dump", name], keep);
    }
  }

  /** Runs any command. */
  run(command: Command): void {
    this.forgetOwn(command);
    this.#reader.ask(command);
  }

  forgetOwn(args: readonly Argument[]): void {
    if (!this.mode.options.includes("noloop")) return;
    for (const arg of args) this.cache.delete(String(arg));
  }

  drain(): void {
    this.#reader.drain();
    this.#listener?.drain();
  }

  /** A message: `invalidate` and keys, or as the payload of a channel's. */
  #forget(push: Reply): void {
    const keys = push.items.at(-1);
    if (keys === undefined) return;
    if (keys.isNull) this.cache.clear();
    for (const { text } of keys.items) this.cache.delete(Buffer.from(text, "latin1").toString());
  }
}

class World {
  readonly fixture: ServerFixture;
  readonly #cachers: readonly Cacher[];
  readonly #other: Reader;

  constructor(seed: number) {
    this.fixture = new ServerFixture(DIRECTIVES, seed);
    this.#cachers = MODES.map((mode) => new Cacher(this.fixture, mode));
    this.#other = new Reader(this.fixture.connect(), () => {});
    this.#other.ask(["hello", "3"]);
  }

  step(c: Choices, commands: Iterator<Command>): void {
    const draw = c.below(20);
    if (draw < 7) c.pick(this.#cachers).read(c);
    else if (draw < 14) this.#run(c, commands.next().value);
    else if (draw < 16) this.#run(c, temporary(c));
    else if (draw < 17) this.#run(c, ["eval", WRITE_SCRIPT, 2, key(c), key(c)]);
    else if (draw < 19) this.fixture.advance(1 + c.below(30));
    else this.#run(c, rarity(c));
    this.#settle();
    this.#checkOne(c.pick(this.#cachers));
  }

  #run(c: Choices, command: Command): void {
    if (c.oneIn(2)) this.#other.ask(command);
    else c.pick(this.#cachers).run(command);
  }

  /** Ends the event loop's turn. */
  #settle(): void {
    const { server } = this.fixture;
    server.tracking.broadcast();
    for (const connection of server.connections) connection.flush();
    this.#other.drain();
    for (const cacher of this.#cachers) cacher.drain();
  }

  #checkOne({ cache, mode }: Cacher): void {
    for (const name of [...cache.keys()]) {
      let held = "";
      this.#other.ask(["dump", name], ({ raw }) => {
        held = raw;
      });
      // To look at a key whose time has come is the end of it.
      this.#settle();
      const cached = cache.get(name);
      if (cached === undefined || cached === held) continue;
      const said = [mode.options.join(" "), name, JSON.stringify(cached), JSON.stringify(held)];
      check(false, `with "${said[0]}" nobody caches a stale ${said[1]}: ${said[2]} is ${said[3]}`);
    }
  }
}

/** A command whose effect ends by itself. */
function temporary(c: Choices): Command {
  const name = key(c);
  const ms = 1 + c.below(40);
  return c.pick<Command>([
    ["pexpire", name, ms],
    ["psetex", name, ms, "v"],
    ["hpexpire", name, ms, "fields", 3, "f0", "f1", "a"],
    ["hsetex", name, "px", ms, "fields", 1, "f0", "w"],
  ]);
}

/** What happens once in a while. */
function rarity(c: Choices): Command {
  return c.pick<Command>([
    ["config", "set", "tracking-table-max-keys", c.below(4)],
    ["config", "set", "tracking-table-max-keys", 1000],
    ["config", "set", "maxmemory", c.oneIn(2) ? 1 : 0],
    ["config", "set", "maxmemory-policy", c.pick(["allkeys-random", "noeviction"])],
    ["debug", "set-active-expire", c.below(2)],
    ["flushall"],
    ["flushdb", "async"],
  ]);
}

export const trackingFuzzer: Fuzzer = {
  name: "tracking",
  run(choices, steps) {
    const world = new World(choices.seed);
    const commands = randomCommands(choices, (name) => !LEFT_OUT.test(name));
    for (let step = 0; step < steps; step++) world.step(choices, commands);
    world.fixture.verify();
  },
};
