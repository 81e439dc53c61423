// Plays a scene with several clients: lines of "name: WORD WORD ...", one after the other. After
// each line the scene waits until every client has been answered or is blocked, so that the order
// of things is the same on every server. What a line has caused is written down: the replies that
// arrived, by client, and who is blocked.
//
//   a: BLPOP k 0             client a sends a command; "$b" is client b's id, "_" an empty word
//   a: SET k v | GET k       several at once
//   a: SET k v | await b     and then waits until client b has been answered
//   a: ~SET k v              is not going to be answered
//   a: leave                 closes the connection
//   a: hello 3               is a command like any other; clients start in RESP2

import { encodeCommand, type RawClient } from "./client.ts";
import { plainValue } from "./reply.ts";

const POLL_MS = 1;
const POLLS_MAX = 3000;
/** Polls in a row that must find everybody answered or blocked. */
const SETTLED_POLLS = 2;

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
  if (text === "leave") {
    actor.client.close();
    return;
  }
  const frames: Buffer[] = [];
  const awaited: string[] = [];
  for (const command of text.split(" | ")) {
    const words = command.split(" ");
    if (words[0] === "await") {
      awaited.push(words[1]);
      continue;
    }
    const isAnswered = !command.startsWith("~");
    if (!isAnswered) words[0] = words[0].slice(1);
    frames.push(encodeCommand(words.map((word) => argumentOf(word, actors))));
    if (isAnswered) expectReply(actor);
  }
  // In one piece, as pipelines are.
  actor.client.send(Buffer.concat(frames));
  for (const name of awaited) await answered(actors.get(name)!);
}

function expectReply(actor: Actor): void {
  actor.outstanding++;
  actor.client.next().then((reply) => {
    actor.outstanding--;
    actor.replies.push(`${actor.name} < ${reply.kind === "closed" ? "closed" : reply.raw}`);
  });
}

function argumentOf(word: string, actors: ReadonlyMap<string, Actor>): string {
  if (word === "_") return "";
  if (word.length === 1 || !word.startsWith("$")) return word;
  return actors.get(word.slice(1))?.id ?? word;
}

/** Resolves when an actor has been answered. */
async function answered(actor: Actor): Promise<void> {
  for (let polls = 0; actor.outstanding > 0 && polls < POLLS_MAX; polls++) {
    await Bun.sleep(POLL_MS);
  }
}

/** Waits until nobody is about to be answered; the names of those who are blocked. */
async function settle(control: RawClient, actors: Map<string, Actor>): Promise<string[]> {
  let settled = 0;
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    const all = [...actors.values()];
    const before = outstandingOf(all);
    const flags = await clientFlags(control);
    const blocked = all.filter(({ id }) => flags.get(id)?.includes("b"));
    // What was answered meanwhile may have changed more than that.
    const isSettled =
      before === outstandingOf(all) &&
      all.every((actor) => actor.outstanding === 0 || blocked.includes(actor));
    // A reply to what came before the command that blocks may still be under way.
    settled = isSettled ? settled + 1 : 0;
    if (settled === SETTLED_POLLS) return blocked.map(({ name }) => name).sort();
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
