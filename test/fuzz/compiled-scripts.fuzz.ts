// Scripts and functions that are compiled to JavaScript against the virtual machine: random
// programs run on two servers, one of which leaves every script to the machine, since its user is
// restricted. Replies, effects and the data set must be the same.

import type { Choices } from "../harness/generate.ts";
import { randomLua } from "../harness/random-lua.ts";
import { requestOf, ServerFixture } from "../unit/server/server-fixture.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const KEYS = ["k1", "k2", "n", "list", "hash", "zset"];
const ARGUMENTS = ["", "a", "10", "-1", "1.5", "some longer text", "\0\xff", "9007199254740993"];
/** So many programs are run by the same servers. */
const PROGRAMS = 200;
/** What a program counts as. */
const STEPS = 20;

class Contender {
  readonly #fixture: ServerFixture;
  readonly #peer;

  constructor(seed: number, isRestricted: boolean) {
    this.#fixture = new ServerFixture("enable-debug-command yes", seed);
    this.#fixture.recordEffects();
    this.#peer = this.#fixture.connect();
    if (isRestricted) this.#peer.run("acl setuser default -save");
  }

  ask(words: readonly string[]): string {
    this.#peer.send(requestOf(...words));
    return this.#peer.transport.take();
  }

  /** What it has propagated since the last call. */
  takeEffects(): string {
    return this.#fixture.effects.splice(0).join("\n");
  }

  /** How many of its scripts have been left to the machine. */
  get takenOver(): number {
    let count = 0;
    for (const script of this.#fixture.server.scripting.scripts) count += script.takenOver;
    return count;
  }

  verify(): void {
    this.#fixture.verify();
  }
}

export const compiledScriptsFuzzer: Fuzzer = {
  name: "compiled-scripts",
  run(choices, steps) {
    for (let left = Math.ceil(steps / STEPS); left > 0; left -= PROGRAMS) {
      runPrograms(choices, Math.min(PROGRAMS, left));
    }
  },
};

function runPrograms(c: Choices, count: number): void {
  const compiled = new Contender(c.seed, false);
  const plain = new Contender(c.seed, true);
  for (let program = 0; program < count; program++) {
    const text = randomLua(c);
    const args = [c.pick(ARGUMENTS), c.pick(ARGUMENTS), c.pick(ARGUMENTS)];
    const version = c.pick(["2", "3"]);
    const made = `redis.register_function('f', function(KEYS, ARGV) ${text} end)`;
    for (const words of [
      ["hello", version],
      ...(c.oneIn(3)
        ? [
            ["function", "load", "replace", `#!lua name=lib\n${made}`],
            ["fcall", "f", "6", ...KEYS, ...args],
          ]
        : [["eval", text, "6", ...KEYS, ...args]]),
      ["debug", "digest"],
    ]) {
      const [one, other] = [compiled, plain].map((contender) => contender.ask(words));
      // Addresses are nobody's business.
      if (/table: |function: /.test(one) || words[0] === "hello") continue;
      const said = [text, args.join(), other, one].map((line) => JSON.stringify(line));
      check(one === other, `of ${said[0]} with ${said[1]} comes ${said[2]}, not ${said[3]}`);
    }
    const [one, other] = [compiled, plain].map((contender) => contender.takeEffects());
    check(one === other, `${JSON.stringify(text)} does ${other}, not ${one}`);
  }
  check(compiled.takenOver < count, "some programs run to their end by themselves");
  compiled.verify();
  plain.verify();
}
