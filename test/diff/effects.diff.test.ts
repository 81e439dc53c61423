// Effects: what every family of commands leaves in the append-only file. Random commands go to our
// server and to Redis 8.0, both with a log. Both logs must say the same but for what EXPLAINED
// explains; and our log, loaded by a real Redis and by another server of ours, must give the data
// that it was written with.
//
// Each family has a database of its own. MINIREDIS_SEED and MINIREDIS_STEPS choose another run.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoggedCommand, readAofCommands } from "../harness/aof-commands.ts";
import { encodeCommand, type RawClient } from "../harness/client.ts";
import type { Command } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { findOracle, ORACLES_REQUIRED } from "../harness/oracle.ts";
import { ServerProcess } from "../harness/process.ts";
import { randomCommands, TEMPLATE_FAMILIES } from "../harness/random-commands.ts";
import { inTransactions } from "../harness/random-transactions.ts";
import { startServer } from "../harness/server.ts";
import { EFFECT_CASES, SCENE_SETTING, WAITING_SCENES, type WaitingScene } from "./effect-cases.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 61);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 2000);
const BATCH = 500;
const SHOWN = 8;
const TIMEOUT_MS = 60_000 + STEPS * 50;

const ARGS = [
  ...["--appendonly", "yes", "--enable-debug-command", "yes", "--aof-use-rdb-preamble", "no"],
  ...["--databases", "32", "--appendfsync", "no"],
];
const INCREMENT = join("appendonlydir", "appendonly.aof.1.incr.aof");
const MARKER = "a new section begins";

/** The general family selects databases 0 to 2 itself. */
const FIRST_FAMILY_DB = 3;
const GENERAL = "general";

/** Commands that write but are in no section, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  flushall: "would empty every section's database",
  delifeq: "not a command of Redis 8.0",
  msetex: "not a command of Redis 8.0",
  migrate: "needs another server; its own battery looks at its effects",
};

/**
 * Lines of INFO that must be the same after each section. Not the sizes of keys: Redis loses count
 * of them (with SWAPDB, LMOVE, PFDEBUG and others), down to 2^64 minus some.
 */
const COUNTED =
  /^(rdb_changes_since_last_save|keyspace_hits|keyspace_misses|expired_(sub)?keys|db\d+):/;

/**
 * Not the average time, which Redis samples; nor the hashes with fields that expire: Redis counts
 * one until the last of those fields would have expired, whatever has become of it.
 */
const UNCOUNTED = /,avg_ttl=.*/;

/** Two clock readings of one run lie no further apart. */
const TOLERANCE_MS = 30_000;

/** Why our log may say what Redis's does not, at some place. */
interface Explanation {
  readonly reason: string;
  holds(ours: readonly LoggedCommand[], theirs: readonly LoggedCommand[]): boolean;
}

const nameOf = ({ args }: LoggedCommand) => args[0].toLowerCase();

const EXPLAINED: readonly Explanation[] = [
  {
    reason: "Redis forgets a string that only became longer, all of a BITFIELD's writes failing",
    holds: (ours, theirs) =>
      theirs.length === 0 && ours.every((command) => nameOf(command) === "bitfield"),
  },
];

/** The same command but for clock readings, and for how XCLAIM writes an entry's id. */
function sameCommand(ours: LoggedCommand, theirs: LoggedCommand): boolean {
  if (ours.db !== theirs.db || ours.args.length !== theirs.args.length) return false;
  const isClaim = nameOf(ours) === "xclaim";
  return ours.args.every((arg, k) => {
    const their = theirs.args[k];
    return arg === their || sameTime(arg, their) || (isClaim && arg === `${their}-0`);
  });
}

function sameTime(ours: string, theirs: string): boolean {
  const isTime = /^\d{13}(-\d+)?$/;
  if (!isTime.test(ours) || !isTime.test(theirs)) return false;
  return Math.abs(Number.parseInt(ours, 10) - Number.parseInt(theirs, 10)) <= TOLERANCE_MS;
}

/** Where two logs part: stretches of both, between which they are the same. */
function* differences(
  ours: readonly LoggedCommand[],
  theirs: readonly LoggedCommand[],
): Generator<readonly [ours: readonly LoggedCommand[], theirs: readonly LoggedCommand[]]> {
  let [left, right] = [0, 0];
  const same = (k: number, j: number) => {
    const [one, other] = [ours[k], theirs[j]];
    if (one === undefined || other === undefined) return one === other;
    return sameCommand(one, other);
  };
  while (left < ours.length || right < theirs.length) {
    if (same(left, right)) {
      left++;
      right++;
      continue;
    }
    const [more, moreTheirs] = nextCommon(left, right, same);
    yield [ours.slice(left, left + more), theirs.slice(right, right + moreTheirs)];
    left += more;
    right += moreTheirs;
  }
}

/** How many commands to skip on either side until two in a row are the same again. */
function nextCommon(
  left: number,
  right: number,
  same: (k: number, j: number) => boolean,
): readonly [number, number] {
  for (let skipped = 1; skipped < 200; skipped++) {
    for (let k = 0; k <= skipped; k++) {
      const [more, moreTheirs] = [k, skipped - k];
      const meets = same(left + more, right + moreTheirs);
      if (meets && same(left + more + 1, right + moreTheirs + 1)) return [more, moreTheirs];
    }
  }
  return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
}

function shown(commands: readonly LoggedCommand[]): string {
  const texts = commands.slice(0, SHOWN).map(({ db, args }) => {
    return `${db}> ${args.map((arg) => JSON.stringify(arg).slice(0, 60)).join(" ")}`;
  });
  return texts.length === 0 ? "nothing" : texts.join("\n        ").slice(0, 1500);
}

/** The commands behind each marker, by the marker's section. */
function sectionsOf(commands: readonly LoggedCommand[]): Map<string, LoggedCommand[]> {
  const sections = new Map<string, LoggedCommand[]>();
  let section: LoggedCommand[] = [];
  for (const command of commands) {
    if (command.args[1] === MARKER) {
      section = [];
      sections.set(command.args[2], section);
    } else {
      section.push(command);
    }
  }
  return sections;
}

async function digest(server: ServerProcess): Promise<string> {
  await using client = await server.connect();
  return String(await client.run("debug", "digest"));
}

const launch = findOracle("redis8");

function startTheirs(directory: string): Promise<ServerProcess> {
  return ServerProcess.start({
    ...launch!,
    directory,
    command: (port, seen) => [...launch!.command(port, seen), ...ARGS],
  });
}

const FAMILIES = Object.entries(TEMPLATE_FAMILIES);
/** The databases of a family, the one that it starts in first. */
function databasesOf(index: number): readonly number[] {
  return FAMILIES[index][0] === GENERAL ? [0, 1, 2] : [FIRST_FAMILY_DB + index];
}

const WAITING = "clients that wait";
const sections = [...FAMILIES.map(([family]) => family), ...Object.keys(EFFECT_CASES), WAITING];

/** Sends one section of commands to both servers. */
async function runSection(
  clients: readonly RawClient[],
  name: string,
  db: number,
  commands: Command[],
): Promise<void> {
  for (const client of clients) {
    await client.ask("select", db);
    await client.ask("set", MARKER, name);
  }
  for (let from = 0; from < commands.length; from += BATCH) {
    const batch = commands.slice(from, from + BATCH);
    await Promise.all(clients.map((client) => client.pipeline(batch)));
  }
}

/** What INFO counts of the commands and the data so far. */
async function countsOn(client: RawClient): Promise<string[]> {
  const { text } = await client.ask("info", "everything");
  const lines = text.split("\r\n").filter((line) => COUNTED.test(line));
  return lines.map((line) => line.replace(UNCOUNTED, ""));
}

/** Lets one client wait on a server and another one serve it; the waiting one is answered then. */
async function playScene(server: ServerProcess, db: number, scene: WaitingScene): Promise<void> {
  await using waiting = await server.connect();
  await using serving = await server.connect();
  for (const client of [waiting, serving]) await client.ask("select", db);
  waiting.send(encodeCommand(scene.waits));
  for (let asked = 0; ; asked++) {
    const { text } = await serving.ask("info", "clients");
    if (text.includes("blocked_clients:1")) break;
    if (asked > 1000) throw new Error(`${scene.waits.join(" ")} does not wait`);
  }
  await serving.pipeline(scene.serves);
  const reply = await waiting.next();
  if (reply.kind === "silent") throw new Error(`${scene.waits.join(" ")} is not answered`);
}

function take(commands: Iterable<Command>, count: number): Command[] {
  const taken: Command[] = [];
  for (const command of commands) {
    taken.push(command);
    if (taken.length === count) break;
  }
  return taken;
}

test("an oracle is there, or need not be", () => {
  expect(launch !== undefined || !ORACLES_REQUIRED).toBe(true);
});

const title = launch === undefined ? "effects SKIPPED: no redis8" : "effects as redis8";
describe.skipIf(launch === undefined)(title, () => {
  const ourDirectory = mkdtempSync(join(tmpdir(), "effects-"));
  const theirDirectory = mkdtempSync(join(launch?.scratch ?? tmpdir(), "effects-"));
  const copied = mkdtempSync(join(launch?.scratch ?? tmpdir(), "effects-"));
  let ourDigest = "";
  let theirDigest = "";
  let ours = new Map<string, LoggedCommand[]>();
  let theirs = new Map<string, LoggedCommand[]>();
  let written: string[] = [];
  const counts = new Map<string, readonly string[][]>();

  async function writeLogs(): Promise<void> {
    await using our = await startServer({ args: ARGS, directory: ourDirectory });
    await using their = await startTheirs(theirDirectory);
    await using ourClient = await our.connect();
    await using theirClient = await their.connect();
    const clients = [ourClient, theirClient];
    const listed = await ourClient.run("command", "list");
    const known = new Set(Array.isArray(listed) ? listed.map(String) : []);
    for (const [k, [family, templates]] of FAMILIES.entries()) {
      const choices = new Choices(SEED + k);
      const all = randomCommands(choices, (name) => known.has(name), templates);
      const isKnown = Object.keys(templates).some((name) => known.has(name));
      const commands = isKnown ? [...inTransactions(new Choices(SEED - k), take(all, STEPS))] : [];
      await runSection(clients, family, databasesOf(k)[0], commands);
      counts.set(family, await Promise.all(clients.map(countsOn)));
    }
    let db = FIRST_FAMILY_DB + FAMILIES.length;
    for (const [name, commands] of Object.entries(EFFECT_CASES)) {
      const ready = commands.filter(([command]) => known.has(String(command).toLowerCase()));
      await runSection(clients, name, db++, ready);
      counts.set(name, await Promise.all(clients.map(countsOn)));
    }
    await runSection(clients, WAITING, db, [...SCENE_SETTING]);
    for (const scene of WAITING_SCENES) {
      await Promise.all([our, their].map((server) => playScene(server, db, scene)));
    }
    const writing = await ourClient.run("command", "list", "filterby", "aclcat", "write");
    written = Array.isArray(writing) ? writing.map(String) : [];
    ourDigest = await digest(our);
    theirDigest = await digest(their);
  }

  beforeAll(async () => {
    await writeLogs();
    ours = sectionsOf(readAofCommands(join(ourDirectory, INCREMENT)));
    theirs = sectionsOf(readAofCommands(join(theirDirectory, INCREMENT)));
    cpSync(ourDirectory, copied, { recursive: true });
  }, TIMEOUT_MS);

  afterAll(() => {
    for (const directory of [ourDirectory, theirDirectory, copied]) {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  for (const section of sections) {
    test(`the log of ${section} says the same`, () => {
      const unexplained: string[] = [];
      const [left, right] = [ours.get(section) ?? [], theirs.get(section) ?? []];
      for (const [our, their] of differences(left, right)) {
        if (EXPLAINED.some(({ holds }) => holds(our, their))) continue;
        unexplained.push(`ours:   ${shown(our)}\ntheirs: ${shown(their)}`);
      }
      if (unexplained.length === 0) return;
      const rest = unexplained.length > SHOWN ? `\n${unexplained.length} places in all` : "";
      throw new Error(`${unexplained.slice(0, SHOWN).join("\n")}${rest}`);
    });
  }

  for (const section of sections.filter((name) => name !== WAITING)) {
    test(`INFO counts the same after ${section}`, () => {
      const [our, their] = counts.get(section) ?? [];
      expect(our).toEqual(their);
    });
  }

  test("every command that writes is in a section", () => {
    const cases = Object.values(EFFECT_CASES).flatMap((commands) =>
      commands.map(([name]) => String(name).toLowerCase()),
    );
    const covered = new Set([...FAMILIES.flatMap(([, all]) => Object.keys(all)), ...cases]);
    const missing = written.filter((name) => !covered.has(name.split("|")[0]));
    expect(missing.filter((name) => !(name in LEFT_OUT)).sort()).toEqual([]);
  });

  test("both servers end with the same data", () => {
    expect(ourDigest).toBe(theirDigest);
  });

  test("our log gives another server of ours the same data", async () => {
    await using again = await startServer({ args: ARGS, directory: ourDirectory });
    expect(await digest(again)).toBe(ourDigest);
  });

  test("our log gives a real Redis the same data", async () => {
    await using real = await startTheirs(copied);
    expect(await digest(real)).toBe(ourDigest);
  });
});
