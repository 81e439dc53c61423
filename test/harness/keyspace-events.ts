// The keyspace events that commands cause, told apart by markers published between the commands.

import { encodeCommand, type RawClient } from "./client.ts";
import type { Command } from "./differential.ts";
import { plainValue } from "./reply.ts";

/** Every class, and both ways of telling. */
export const ALL_EVENTS = "KEAmn";

const PATTERN = "__key*__:*";
const MARKER = "__keymarker__:";
const BATCH_DEFAULT = 200;
const SHOWN_CHARACTERS = 120;

/** Has `watcher` subscribe to all events of a server, of the classes given. */
export async function watchEvents(
  client: RawClient,
  watcher: RawClient,
  classes = ALL_EVENTS,
): Promise<void> {
  await client.run("config", "set", "notify-keyspace-events", classes);
  await watcher.ask("psubscribe", PATTERN);
}

/** The next event: "channel message". */
async function nextEvent(watcher: RawClient): Promise<string> {
  const value = plainValue(await watcher.next());
  if (!Array.isArray(value)) throw new Error(`no event but ${String(value)}`);
  return `${value[2]} ${value[3]}`;
}

/**
 * Runs the commands, so many per round trip; for each one, its text and the events it caused, in
 * their order.
 */
export async function eventsOf(
  client: RawClient,
  watcher: RawClient,
  commands: Iterable<Command>,
  batchSize = BATCH_DEFAULT,
): Promise<string[]> {
  const all = [...commands];
  const seen: string[] = [];
  for (let from = 0; from < all.length; from += batchSize) {
    const batch = all.slice(from, from + batchSize);
    const frames = batch.flatMap((command) => [
      encodeCommand(command),
      encodeCommand(["publish", MARKER, "x"]),
    ]);
    client.send(Buffer.concat(frames));
    for (const command of batch) {
      const events: string[] = [];
      for (;;) {
        const event = await nextEvent(watcher);
        if (event.startsWith(MARKER)) break;
        events.push(event);
      }
      seen.push(`${shown(command)} => ${events.join("; ")}`);
    }
    for (let k = 0; k < frames.length; k++) await client.next();
  }
  return seen;
}

function shown(command: Command): string {
  const words = command.map((arg) =>
    typeof arg === "object" ? Buffer.from(arg).toString("latin1") : String(arg),
  );
  return JSON.stringify(words.join(" ")).slice(0, SHOWN_CHARACTERS);
}
