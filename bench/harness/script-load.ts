// Loads of scripts, called by their digests through redis-benchmark.

import { requestText } from "./collection-frames.ts";
import type { LoadTest } from "./load-tests.ts";
import { patchedFrames, sendFrames, writeDigits } from "./pipeline.ts";
import { runLoad } from "./redis-benchmark.ts";

const KEYS = 100_000;
const DIGITS = 12;
const NUMBER = "0".repeat(DIGITS);
const SHA_REPLY_BYTES = "$40\r\n\r\n".length + 40;

/** The scripts by the names of their loads; each is called with one key, which exists. */
const SCRIPTS: Readonly<Record<string, string>> = {
  evalsha_return: "return 1",
  evalsha_get: "return redis.call('GET', KEYS[1])",
  evalsha_set: "return redis.call('SET', KEYS[1], 'xxx')",
  evalsha_10_calls: "for i = 1, 10 do redis.call('GET', KEYS[1]) end return 1",
  evalsha_1000_steps: "local s = 0 for i = 1, 1000 do s = s + i % 7 end return s",
};

function scriptTest(script: string, requests: readonly [number, number]): LoadTest {
  const sha = new Bun.CryptoHasher("sha1").update(script).digest("hex");
  return {
    requests,
    async prepare(port) {
      const set = requestText(["SET", `key:${NUMBER}`, "xxx"]);
      const end = set.indexOf(NUMBER) + DIGITS;
      const frames = patchedFrames(set, KEYS, "+OK\r\n".length, (target, offset, k) => {
        writeDigits(target, offset + end, DIGITS, k);
      });
      await sendFrames(port, frames);
      const load = requestText(["SCRIPT", "LOAD", script]);
      await sendFrames(
        port,
        patchedFrames(load, 1, SHA_REPLY_BYTES, () => {}),
      );
    },
    run: (load) =>
      runLoad({ ...load, command: ["EVALSHA", sha, "1", "key:__rand_int__"], keys: KEYS }),
  };
}

/** The loads by name. */
export const SCRIPT_TESTS: readonly (readonly [string, LoadTest])[] = Object.entries(SCRIPTS).map(
  ([name, script]) => [name, scriptTest(script, [100_000, 1_000_000])],
);
