// Scripts and functions that memory or the disk does not allow: alone, queued, and in transactions
// where the reason begins only after they were queued, so that no gate but theirs sees it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RawClient } from "../harness/client.ts";
import { type Command, differential, type Side } from "../harness/differential.ts";

const LIBRARY = `#!lua name=lib
redis.register_function('writes', function() return redis.call('set','k','1') end)
redis.register_function{
  function_name='reads', callback=function() return redis.call('get','k') end, flags={'no-writes'}}
redis.register_function{
  function_name='grows', callback=function() return redis.call('set','k','1') end,
  flags={'allow-oom','allow-stale'}}`;

function* commands(): Generator<Command> {
  for (const call of ["set','k','1", "get','k", "del','k", "publish','a','b", "ping"]) {
    yield ["eval", `return redis.call('${call}')`, "0"];
    yield ["eval", `return redis.pcall('${call}')`, "0"];
    yield ["eval_ro", `return redis.call('${call}')`, "0"];
    for (const flags of ["", "no-writes", "allow-oom", "allow-stale", "allow-oom,no-writes"]) {
      for (const name of ["eval", "eval_ro"]) {
        yield [name, `#!lua flags=${flags}\nreturn redis.call('${call}')`, "0"];
      }
    }
  }
  for (const name of ["writes", "reads", "grows", "nosuch"]) {
    yield ["fcall", name, "0"];
    yield ["fcall_ro", name, "0"];
  }
  yield* [["set", "k", "1"], ["get", "k"], ["del", "k"], ["ping"], ["publish", "a", "b"]];
}

/** The replies to each command alone, queued, and where the reason begins inside of EXEC. */
async function refusals(client: RawClient, begin: Command, end: Command): Promise<unknown> {
  await client.ask("function", "load", "replace", LIBRARY);
  await client.ask("config", "resetstat");
  const requests: Command[] = [];
  for (const command of commands()) {
    requests.push(begin, command, ["multi"], command, ["exec"], end);
    requests.push(["multi"], begin, command, ["exec"], end);
    requests.push(["multi"], command, begin, ["exec"], end);
  }
  requests.push(["info", "errorstats"], ["function", "flush"]);
  const replies = await client.pipeline(requests);
  return replies.map((reply, k) => [requests[k].join(" "), reply.raw]);
}

/** Has a background save fail, because there is a folder in the place of its file. */
async function failToSave(client: RawClient, { server }: Side): Promise<void> {
  mkdirSync(join(server.directory, "taken.rdb", "x"), { recursive: true });
  await client.run("config", "set", "stop-writes-on-bgsave-error", "no");
  await client.run("config", "set", "dbfilename", "taken.rdb");
  await client.run("bgsave");
  while (!/_bgsave_status:err/.test(String(await client.run("info", "persistence")))) {
    await Bun.sleep(2);
  }
}

differential(
  "refusals of scripts",
  "redis8",
  ({ probe }) => {
    probe("memory", (client) =>
      refusals(client, ["config", "set", "maxmemory", "1"], ["config", "set", "maxmemory", "0"]),
    );
    probe("a snapshot that could not be saved", async (client, side) => {
      await failToSave(client, side);
      const directive = ["config", "set", "stop-writes-on-bgsave-error"];
      await client.run("config", "set", "save", "3600 1");
      const replies = await refusals(client, [...directive, "yes"], [...directive, "no"]);
      // Otherwise the server would want to save before it ends.
      await client.run("config", "set", "save", "");
      return replies;
    });
  },
  { args: ["--enable-protected-configs", "yes", "--hz", "100"] },
);
