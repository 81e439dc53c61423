// How many changes to the data set each command of a list counts.

import type { RawClient } from "../harness/client.ts";
import type { Command } from "../harness/differential.ts";

/** Each command with what it added to rdb_changes_since_last_save. */
export async function changesOf(
  client: RawClient,
  commands: readonly Command[],
): Promise<readonly (readonly [command: string, changes: number])[]> {
  const counts: [string, number][] = [];
  let before = await changesOn(client);
  for (const command of commands) {
    await client.ask(...command);
    const after = await changesOn(client);
    counts.push([command.join(" "), after - before]);
    before = after;
  }
  return counts;
}

async function changesOn(client: RawClient): Promise<number> {
  const info = String((await client.ask("info", "persistence")).text);
  return Number(/rdb_changes_since_last_save:(\d+)/.exec(info)?.[1]);
}
