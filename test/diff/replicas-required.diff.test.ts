// min-replicas-to-write without any replica, against Redis 8.0: who is refused, and in which order
// with other refusals.

import { type Command, differential } from "../harness/differential.ts";

const SCRIPT = "return redis.call(unpack(ARGV))";
const flagged = (flags: string) => `#!lua flags=${flags}\n${SCRIPT}`;
const LIBRARY = `#!lua name=lib
redis.register_function('f', function(k, a) return redis.call(unpack(a)) end)
redis.register_function{
  function_name='ro', callback=function(k, a) return redis.call(unpack(a)) end, flags={'no-writes'}
}`;

function* commands(): Generator<Command> {
  yield* ["get k", "set k v", "set", "ping", "incr k", "del k", "exists k", "nosuch"].map(words);
  yield* ["publish c m", "flushall", "config set maxmemory 0", "pfcount k", "expire k 1"].map(
    words,
  );
  yield* ["blpop k 0.01", "sort k store d", "script load x", "function flush", "spublish c m"].map(
    words,
  );
  for (const script of [SCRIPT, flagged(""), flagged("no-writes"), flagged("allow-oom")]) {
    for (const called of ["get k", "set k v", "publish c m", "ping"]) {
      yield ["eval", script, "0", ...called.split(" ")];
      yield ["eval_ro", script, "0", ...called.split(" ")];
    }
  }
  yield ["eval", "return redis.pcall('set', 'k', 'v').err", "0"];
  for (const called of ["get k", "set k v"]) {
    for (const name of ["f", "ro"]) {
      yield ["fcall", name, "0", ...called.split(" ")];
      yield ["fcall_ro", name, "0", ...called.split(" ")];
    }
  }
  yield* ["multi", "get k", "ping", "exec", "multi", "set k v", "get k", "exec"].map(words);
}

function words(line: string): Command {
  return line.split(" ");
}

differential("replicas required", "redis8", ({ dialogue, probe }) => {
  for (const [count, lag] of [
    ["1", "10"],
    ["0", "10"],
    ["2", "0"],
  ]) {
    dialogue(`${count} of them, no later than ${lag} seconds`, function* () {
      yield ["function", "load", "replace", LIBRARY];
      yield ["config", "set", "min-replicas-to-write", count, "min-replicas-max-lag", lag];
      yield* commands();
      yield ["config", "set", "min-replicas-to-write", "0"];
      yield ["set", "k", "v"];
    });
  }

  probe("a transaction queued before is refused as a whole", async (client, side) => {
    const other = await side.connect();
    const seen: string[] = [];
    for (const line of ["multi", "set k v", "get k"]) {
      seen.push((await client.ask(...line.split(" "))).raw);
    }
    await other.ask("config", "set", "min-replicas-to-write", "1");
    seen.push((await client.ask("exec")).raw, (await client.ask("exists", "k")).raw);
    await other.ask("config", "set", "min-replicas-to-write", "0");
    return seen;
  });
});
