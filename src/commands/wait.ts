// WAIT and WAITAOF: until a connection's writes are on other servers or on the disk. Both answer
// how far they have got, once that is far enough or the time is over. There are no replicas here,
// so none ever has anything.

import { millisecondsDeadlineOrReply } from "../blocking/timeouts.ts";
import { FOR_ACKNOWLEDGEMENT } from "../blocking/waiter.ts";
import { BLOCKING, defineFamily } from "../command/spec.ts";
import type { Context, Features } from "./features.ts";

export const waitCommands = defineFamily<Features>("generic", [
  {
    name: "WAIT",
    arity: 3,
    flags: BLOCKING,
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Waits until replicas have taken the connection's writes.",
    categories: ["connection"],
    tips: ["request_policy:all_shards", "response_policy:agg_min"],
    args: [
      { name: "numreplicas", type: "integer" },
      { name: "timeout", type: "integer" },
    ],
    run: waitCommand,
  },
  {
    name: "WAITAOF",
    arity: 4,
    flags: BLOCKING,
    since: "7.2.0",
    complexity: "O(1)",
    summary: "Waits until the connection's writes are on the disk, here and at replicas.",
    categories: ["connection"],
    tips: ["request_policy:all_shards", "response_policy:agg_min"],
    args: [
      { name: "numlocal", type: "integer" },
      { name: "numreplicas", type: "integer" },
      { name: "timeout", type: "integer" },
    ],
    run: waitAofCommand,
  },
]);

const NO_REPLICAS = 0;

// WAIT numreplicas timeout
function waitCommand(c: Context): void {
  const wanted = c.int64(1);
  if (wanted === undefined) return c.reply.notAnInteger();
  const deadlineMs = millisecondsDeadlineOrReply(c, 2);
  if (Number.isNaN(deadlineMs)) return;
  if (wanted <= NO_REPLICAS || c.client.denyBlocking) return c.reply.integer(NO_REPLICAS);
  c.server.blocking.hold(c, FOR_ACKNOWLEDGEMENT, deadlineMs);
}

// WAITAOF numlocal numreplicas timeout
function waitAofCommand(c: Context): void {
  const local = c.int64(1);
  if (local === undefined) return c.reply.notAnInteger();
  if (local < 0n || local > 1n) {
    return c.reply.error("ERR value is out of range, value must between 0 and 1");
  }
  const replicas = c.int64(2);
  if (replicas === undefined || replicas < 0n) {
    return c.reply.error("ERR value is out of range, must be positive");
  }
  const deadlineMs = millisecondsDeadlineOrReply(c, 3);
  if (Number.isNaN(deadlineMs)) return;
  if (local > 0n && !c.server.persistence.aofEnabled) {
    return c.reply.error(
      "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
    );
  }
  const isDurable = c.server.durability.durableOffset >= c.client.writeOffset;
  const isEnough = (isDurable || local === 0n) && replicas <= NO_REPLICAS;
  if (!isEnough && !c.client.denyBlocking) {
    c.server.blocking.hold(c, FOR_ACKNOWLEDGEMENT, deadlineMs);
    return;
  }
  c.reply.array(2);
  c.reply.integer(isDurable ? 1 : 0);
  c.reply.integer(NO_REPLICAS);
}
