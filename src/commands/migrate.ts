// MIGRATE: keys are handed to another server, and deleted here once that has them. How the server
// lives on meanwhile stands in `migration/migrations.ts`.

import { FOR_COMPLETION, FOREVER } from "../blocking/waiter.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
  defineFamily,
  INCOMPLETE,
  keyAt,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC } from "../keyspace/event-classes.ts";
import type { MovingKey, TransferRequest } from "../migration/restore-requests.ts";
import type { TransferOutcome } from "../migration/target-replies.ts";
import { key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";

const migrateComplexity =
  "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target " +
  "instance. See the pages of these commands for time complexity. Also an O(N) data transfer " +
  "between the two instances is performed.";

const keySelector: ArgumentSpec = {
  name: "key-selector",
  type: "oneof",
  arguments: [key, { name: "empty-string", type: "pure-token", token: "" }],
};

const authentication: ArgumentSpec = {
  name: "authentication",
  type: "oneof",
  optional: true,
  arguments: [
    { name: "auth", type: "string", displayText: "password", token: "AUTH", since: "4.0.7" },
    {
      name: "auth2",
      type: "block",
      token: "AUTH2",
      since: "6.0.0",
      arguments: [
        { name: "username", type: "string" },
        { name: "password", type: "string" },
      ],
    },
  ],
};

export const migrateCommands = defineFamily<Features>("generic", [
  {
    name: "MIGRATE",
    arity: -6,
    flags: WRITE,
    since: "2.6.0",
    complexity: migrateComplexity,
    summary: "Moves keys to another server.",
    history: [
      ["3.0.0", "Added the `COPY` and `REPLACE` options."],
      ["3.0.6", "Added the `KEYS` option."],
      ["4.0.7", "Added the `AUTH` option."],
      ["6.0.0", "Added the `AUTH2` option."],
    ],
    categories: ["dangerous"],
    tips: ["nondeterministic_output"],
    keys: [
      keyAt(3, RW | ACCESS | DELETE),
      {
        flags: RW | ACCESS | DELETE | INCOMPLETE,
        begin: { type: "keyword", keyword: "KEYS", startFrom: -2 },
        find: { type: "range", lastKey: -1, step: 1, limit: 0 },
      },
    ],
    args: [
      { name: "host", type: "string" },
      { name: "port", type: "integer" },
      keySelector,
      { name: "destination-db", type: "integer" },
      { name: "timeout", type: "integer" },
      { name: "copy", type: "pure-token", token: "COPY", since: "3.0.0", optional: true },
      { name: "replace", type: "pure-token", token: "REPLACE", since: "3.0.0", optional: true },
      authentication,
      {
        name: "keys",
        displayText: "key",
        type: "key",
        keySpecIndex: 1,
        token: "KEYS",
        since: "3.0.6",
        optional: true,
        multiple: true,
      },
    ],
    run: migrateCommand,
  },
]);

const DEFAULT_TIMEOUT_MS = 1000n;

/** What MIGRATE's options say. */
interface MigrateOptions {
  copies: boolean;
  replaces: boolean;
  credentials: Uint8Array[];
  /** Arguments [firstKey, lastKey] are the keys. */
  firstKey: number;
  lastKey: number;
}

// MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE]
//   [AUTH password | AUTH2 username password] [KEYS key [key ...]]
function migrateCommand(c: Context): void {
  const { migrations } = c.server;
  const options = optionsOrReply(c);
  if (options === undefined) return;
  const outcome = migrations.takeOutcome(c.client);
  if (outcome !== undefined) return conclude(c, outcome, options);
  const request = requestOrReply(c, options);
  if (request === undefined) return;
  if (c.client.denyBlocking) return conclude(c, migrations.moveNow(request), options);
  const { blocking } = c.server;
  const waiter = blocking.hold(c, FOR_COMPLETION, FOREVER);
  migrations.begin(c.client, request, () => blocking.complete(waiter));
}

function optionsOrReply(c: Context): MigrateOptions | undefined {
  const options: MigrateOptions = {
    copies: false,
    replaces: false,
    credentials: [],
    firstKey: 3,
    lastKey: 3,
  };
  for (let index = 6; index < c.count; index++) {
    const following = c.count - 1 - index;
    if (c.is(index, "copy")) options.copies = true;
    else if (c.is(index, "replace")) options.replaces = true;
    else if (c.is(index, "auth") && following >= 1) {
      // A name given before stays in force, as in Redis.
      const [name] = options.credentials.length === 2 ? options.credentials : [];
      const password = c.copy(++index);
      options.credentials = name === undefined ? [password] : [name, password];
    } else if (c.is(index, "auth2") && following >= 2) {
      options.credentials = [c.copy(++index), c.copy(++index)];
    } else if (c.is(index, "keys")) {
      if (c.length(3) > 0) {
        c.reply.error(
          "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
        );
        return undefined;
      }
      options.firstKey = index + 1;
      options.lastKey = c.count - 1;
      break;
    } else {
      c.reply.syntaxError();
      return undefined;
    }
  }
  return options;
}

/** What is to be moved, and where; undefined after a reply. */
function requestOrReply(c: Context, options: MigrateOptions): TransferRequest | undefined {
  const timeoutMs = c.int64(5);
  const targetDb = timeoutMs === undefined ? undefined : c.int64(4);
  if (timeoutMs === undefined || targetDb === undefined) {
    c.reply.notAnInteger();
    return undefined;
  }
  const keys: MovingKey[] = [];
  for (let index = options.firstKey; index <= options.lastKey; index++) {
    if (c.readKey(index) !== undefined) keys.push({ bytes: c.copy(index), argument: index });
  }
  if (keys.length === 0) {
    c.reply.simple("NOKEY");
    return undefined;
  }
  return {
    host: c.text(1),
    port: portOf(c.latin1(2)),
    timeoutMs: Number(timeoutMs > 0n ? timeoutMs : DEFAULT_TIMEOUT_MS),
    targetDb: String(targetDb),
    replaces: options.replaces,
    credentials: options.credentials,
    db: c.db,
    keys,
  };
}

/**
 * The port that a text begins with, as C reads it: without a number 0, where nobody listens, and of
 * one that is too large its low bits. Negative ones are no port at all.
 */
function portOf(text: string): number {
  const port = Number.parseInt(text.slice(0, 32), 10) | 0;
  return port < 0 ? port : port & 0xffff;
}

/** Deletes the keys that the target has, and replies. */
function conclude(c: Context, { taken, error }: TransferOutcome, options: MigrateOptions): void {
  if (!options.copies && taken.length > 0) {
    const effect = c.effects.replace(taken.length + 1);
    effect.bulkText("DEL");
    for (const index of taken) {
      effect.bulk(c.bytes, c.start(index), c.end(index));
      c.deleteKey(index);
      c.notify(EVENT_GENERIC, "del", index);
    }
    c.effects.changed(taken.length);
  }
  if (error === "") c.reply.ok();
  else c.reply.error(error);
}
