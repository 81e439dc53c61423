// Plays a scene with several clients: lines of "name: WORD WORD ...", one after the other. After
// each line the scene waits until every client has been answered or is blocked, so that the order
// of things is the same on every server. What a line has caused is written down: the replies that
// arrived, by client, and who is blocked.
//
//   a: BLPOP k 0             client a sends a command; "$b" is client b's id, "_" an empty word
//   a: SET k v | GET k       several at once
//   a: await                 waits until a has been answered, whatever CLIENT LIST says
//   a: leave                 closes the connection
//   a: hello 3               is a command like any other; clients start in RESP2

import { encodeCommand, type RawClient } from "./client.ts";
import { plainValue } from "./reply.ts";

const POLL_MS = 1;
const POLLS_MAX = 3000;

interface Actor {
  readonly name: string;
  readonly client: RawClient;
  readonly id: string;
  /** Commands that have not been answered. */
  outstanding: number;
  readonly replies: string[];
}

/** Plays a scene. `connect` opens connections; the first one is the scene's own. */
export async function playScene(
  connect: () => Promise<RawClient>,
  lines: readonly string[],
): Promise<string[]> {
  const control = await connect();
  const actors = new Map<string, Actor>();
  const written: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    let actor = actors.get(name);
    if (actor === undefined) {
      const client = await connect();
      const id = String(await client.run("client", "id"));
      actor = { name, client, id, outstanding: 0, replies: [] };
      actors.set(name, actor);
    }
    await perform(actor, line.slice(colon + 1).trim(), actors);
    const blocked = await settle(control, actors);
    written.push(line, ...takeReplies(actors), `blocked: ${blocked.join(" ")}`);
  }
  return written;
}

async function perform(actor: Actor, text: string, actors: Map<string, Actor>): Promise<void> {
  if (text === "await") {
    for (let polls = 0; actor.outstanding > 0 && polls < POLLS_MAX; polls++) {
      await Bun.sleep(POLL_MS);
    }
    return;
  }
  if (text === "leave") {
    actor.client.close();
    actor.outstanding = 0;
    return;
  }
  const commands = text.split(" | ").map((command) =>
    command.split(" ").map((word) => {
      if (word === "_") return "";
      return word.startsWith("$") && word.length > 1
        ? (actors.get(word.slice(1))?.id ?? word)
        : word;
    }),
  );
  actor.client.send(Buffer.concat(commands.map(encodeCommand)));
  for (const _ of commands) {
    actor.outstanding++;
    actor.client.next().then((reply) => {
      actor.outstanding--;
      actor.replies.push(`${actor.name} < ${reply.kind === "closed" ? "closed" : reply.raw}`);
    });
  }
}

/** Waits until nobody is about to be answered; the names of those who are blocked. */
async function settle(control: RawClient, actors: Map<string, Actor>): Promise<string[]> {
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    const all = [...actors.values()];
    const before = outstandingOf(all);
    const flags = await clientFlags(control);
    const blocked = all.filter(({ id }) => flags.get(id)?.includes("b"));
    // What was answered meanwhile may have changed more than that.
    const isSettled =
      before === outstandingOf(all) &&
      all.every((actor) => actor.outstanding === 0 || blocked.includes(actor));
    if (isSettled) return blocked.map(({ name }) => name).sort();
    await Bun.sleep(POLL_MS);
  }
  return ["never settled"];
}

function outstandingOf(actors: readonly Actor[]): number {
  return actors.reduce((sum, { outstanding }) => sum + outstanding, 0);
}

/** The flags of every client by id. */
async function clientFlags(control: RawClient): Promise<Map<string, string>> {
  const text = String(plainValue(await control.ask("client", "list")));
  const flags = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^id=(\d+) .* flags=(\S+) /.exec(line);
    if (match) flags.set(match[1], match[2]);
  }
  return flags;
}

function takeReplies(actors: Map<string, Actor>): string[] {
  const all = [...actors.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return all.flatMap(({ replies }) => replies.splice(0));
}
