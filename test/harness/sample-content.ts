// Everything that files must carry, in a server: put in, and looked at again.

import type { RawClient } from "./client.ts";
import type { Command } from "./differential.ts";
import type { ServerProcess } from "./process.ts";
import { plainValue } from "./reply.ts";
import { SAMPLE_VALUES } from "./sample-values.ts";

/** Libraries of one function each, by the name of both; the second one's source is compressed. */
const LIBRARIES: Readonly<Record<string, string>> = {
  plain: "redis.register_function('plain', function(keys, args) return args[1] .. '!' end)",
  long: `-- ${"a long comment ".repeat(60)}
    local count = 40
    redis.register_function{function_name='long', description='counts',
      callback=function() return count + 2 end, flags={'no-writes'}}`,
};

/** Fills a server: every sample in database 0, a few keys with expiry times in another one. */
export async function fillWithSamples(client: RawClient, withNew: boolean): Promise<void> {
  const samples = SAMPLE_VALUES.filter(({ isNew }) => withNew || !isNew);
  const commands = samples.flatMap((sample): Command[] => [...sample.commands]);
  for (const [name, code] of Object.entries(LIBRARIES)) {
    commands.push(["function", "load", `#!lua name=${name}\n${code}`]);
  }
  commands.push(["select", "3"]);
  for (let k = 0; k < 200; k++) {
    commands.push(["set", `volatile:${k}`, `v${k}`, "pxat", String(33177117420000 + k)]);
  }
  await client.pipeline([...commands, ["select", "0"]]);
}

export interface Content {
  readonly keys: number;
  readonly values: readonly unknown[];
}

/** What two servers must agree on; scores as numbers, which Redis 7.0 prints differently. */
export async function contentOf(server: ServerProcess): Promise<Content> {
  await using client = await server.connect();
  const values: unknown[] = [];
  for (const { key } of SAMPLE_VALUES) {
    if (key.startsWith("zset")) {
      const reply = plainValue(await client.ask("zrange", key, "0", "-1", "withscores"));
      values.push([key, (reply as string[]).map((item, k) => (k % 2 === 1 ? Number(item) : item))]);
    } else {
      values.push([key, plainValue(await client.ask("debug", "digest-value", key))]);
    }
    if (key.startsWith("stream")) {
      values.push(plainValue(await client.ask("xinfo", "groups", key)));
    }
  }
  for (const name of Object.keys(LIBRARIES)) {
    const described = await client.ask("function", "list", "withcode", "libraryname", name);
    values.push(plainValue(described), plainValue(await client.ask("fcall", name, "0", "x")));
  }
  const keys = Number(plainValue(await client.ask("dbsize")));
  await client.ask("select", "3");
  values.push(plainValue(await client.ask("dbsize")));
  for (const k of [0, 57, 199]) {
    values.push(plainValue(await client.ask("pexpiretime", `volatile:${k}`)));
  }
  return { keys, values };
}
