// Plays a scene with several clients, as scene.ts does, and writes down every byte that each of
// them is sent, in the order in which it arrives: replies, pushes and messages.
//
//   a: SET k v               client a sends a command; "$b" is client b's id, "_" an empty word
//   a: SET k v | GET k       several in one piece
//   a: leave                 closes the connection
//   a2: GET k                a client whose name ends with 2 or 3 speaks that protocol
//   a: await +OK             waits until that is in what it has been sent
//   wait 20                  lets so many milliseconds pass
//
// After each line the server has done all that the line asked for: a further client has been
// answered several times since.

import { type Address, encodeCommand, RawClient } from "./client.ts";

/** One round trip may overtake what the line has caused; more cannot. */
const ROUND_TRIPS = 3;
const POLL_MS = 2;
const POLLS_MAX = 1500;

interface Actor {
  readonly client: RawClient;
  readonly id: string;
}

/**
 * Plays a scene and returns what happened: each line, and what each client was sent after it.
 * Clients speak `protocol`, unless their names tell another one.
 */
export async function playStreams(
  address: Address,
  lines: readonly string[],
  protocol: 2 | 3,
): Promise<string[]> {
  await using control = await RawClient.connect(address);
  const actors = new Map<string, Actor>();
  const written: string[] = [];
  for (const [k, line] of lines.entries()) {
    written.push(line);
    const [, pause] = /^wait (\d+)$/.exec(line) ?? [];
    if (pause === undefined) await perform(address, actors, line, protocol);
    else await Bun.sleep(Number(pause));
    for (let trip = 0; trip < ROUND_TRIPS; trip++) await control.run("ping");
    // What the next line waits for is written down with it.
    if (lines[k + 1]?.includes(": await ")) continue;
    for (const name of [...actors.keys()].sort()) {
      const { client } = actors.get(name)!;
      if (client.transcript) written.push(`${name} < ${withNames(client.transcript, actors)}`);
      client.transcript = "";
    }
  }
  for (const { client } of actors.values()) client.close();
  return written;
}

async function perform(
  address: Address,
  actors: Map<string, Actor>,
  line: string,
  protocol: 2 | 3,
): Promise<void> {
  const colon = line.indexOf(": ");
  const name = line.slice(0, colon);
  let actor = actors.get(name);
  if (actor === undefined) {
    const client = await RawClient.connect(address);
    const id = String(await client.run("client", "id"));
    const [own] = /[23]$/.exec(name) ?? [protocol];
    await client.run("hello", own);
    client.transcript = "";
    actor = { client, id };
    actors.set(name, actor);
  }
  const text = line.slice(colon + 2);
  if (text === "leave") {
    actor.client.close();
    return;
  }
  if (text.startsWith("await ")) {
    await received(actor.client, text.slice("await ".length));
    return;
  }
  const commands = text.split(" | ").map((command) => command.split(" "));
  const encode = (words: string[]) => encodeCommand(words.map((word) => argumentOf(word, actors)));
  // In one piece, as pipelines are.
  actor.client.send(Buffer.concat(commands.map(encode)));
}

/** Resolves once a client has been sent a text, or has waited for too long. */
async function received(client: RawClient, text: string): Promise<void> {
  for (let polls = 0; polls < POLLS_MAX && !client.transcript?.includes(text); polls++) {
    await Bun.sleep(POLL_MS);
  }
}

function argumentOf(word: string, actors: ReadonlyMap<string, Actor>): string {
  if (word === "_") return "";
  if (word.length === 1 || !word.startsWith("$")) return word;
  return actors.get(word.slice(1))?.id ?? word;
}

/** Identifiers differ between servers: where one is told, it becomes the client's name. */
function withNames(text: string, actors: ReadonlyMap<string, Actor>): string {
  const names = new Map([...actors].map(([name, { id }]) => [id, name]));
  const told = /((?:redirect|tracking-redir-broken)\r\n:|redir=|^:)([1-9]\d+)/g;
  return text.replace(told, (whole, label, id) => {
    const name = names.get(id);
    return name === undefined ? whole : `${label}<${name}>`;
  });
}
