// The process stops, or the power is cut, at every operation of the disk (before, amid and after
// it, when the reply is lost) during starts, rewrites, saves, shutdowns and changes of appendonly;
// and every operation fails, once or for a while. OPERATIONS=all has each fail in every way.

import { describe, expect, test } from "bun:test";
import { Xoshiro } from "../../src/base/random.ts";
import { AofFiles } from "../../src/persistence/aof-files.ts";
import { Durability } from "../../src/server/durability.ts";
import { FaultyFileSystem, type Operation } from "../harness/faulty-file-system.ts";
import { OperationRun } from "../harness/operation-run.ts";
import {
  EarlyRemoval,
  EarlyRename,
  UnsyncedDirectory,
  unnoticedWrites,
  unsynced,
  withBug,
} from "../harness/planted-bugs.ts";
import { request } from "../unit/server/server-fixture.ts";

const FAILS_IN_EVERY_WAY = process.env.OPERATIONS === "all";
const POWER_CUTS_EACH = 3;
const FOLDER = "/data/appendonlydir";
const MANIFEST = `${FOLDER}/appendonly.aof.manifest`;

const ON = "appendonly yes";
const OFF = "appendonly no";
const PLAIN = `${ON}\naof /data/plain.aof`;
/** What is there from the beginning, in two files of a log. */
const FIRST = ["set a 1", "rpush list x y", "incrby n 5"];
const SECOND = ["incrby n 6", "set b 2"];
const log = (commands: string[]) => Buffer.from(request("select 0", ...commands));

interface Scenario {
  readonly name: string;
  readonly directives: string;
  /** Kinds of operations that must have been among those cut short. */
  readonly operations: readonly Operation[];
  prepare?(run: OperationRun): void;
  act(run: OperationRun): Promise<void>;
}

/** A log in files of Redis's layout, with what a crash after a rewrite leaves. */
function putLog(run: OperationRun): void {
  const { disk } = run;
  disk.put(`${FOLDER}/appendonly.aof.2.base.aof`, log(FIRST));
  disk.put(`${FOLDER}/appendonly.aof.2.incr.aof`, log(SECOND));
  const lines = ["2.base.aof seq 2 type b", "2.incr.aof seq 2 type i"];
  disk.put(MANIFEST, Buffer.from(lines.map((line) => `file appendonly.aof.${line}\n`).join("")));
  run.adopt(...FIRST, ...SECOND);
}

function putPlain(run: OperationRun): void {
  run.disk.put("/data/plain.aof", log([...FIRST, ...SECOND]));
  run.adopt(...FIRST, ...SECOND);
}

/** As `putLog`, but history and a base that was not completed lie about, and the tail is torn. */
function putLeftovers(run: OperationRun): void {
  const { disk } = run;
  const torn = log(["set torn 1"]).subarray(0, -3);
  disk.put(`${FOLDER}/appendonly.aof.2.base.aof`, log(FIRST));
  disk.put(`${FOLDER}/appendonly.aof.2.incr.aof`, Buffer.concat([log(SECOND), torn]));
  disk.put(`${FOLDER}/appendonly.aof.1.base.aof`, log(["set old 1"]));
  disk.put(`${FOLDER}/appendonly.aof.1.incr.aof`, log(["set old 2"]));
  disk.put(`${FOLDER}/temp-rewriteaof-bg-1.aof`, log(FIRST).subarray(0, 20));
  const lines = [
    ["2.base.aof seq 2 type b", "1.base.aof seq 1 type h"],
    ["1.incr.aof seq 1 type h", "2.incr.aof seq 2 type i"],
  ].flat();
  disk.put(MANIFEST, Buffer.from(lines.map((line) => `file appendonly.aof.${line}\n`).join("")));
  run.adopt(...FIRST, ...SECOND);
}

async function rewrite(run: OperationRun): Promise<void> {
  run.command("bgrewriteaof");
  await run.change("incrby n 1", "set c 3");
  await run.settle();
  await run.change("incrby n 2");
}

/** A log takes nothing more; a rewrite puts another one in its place. */
async function mend(run: OperationRun, directives: string, log: string): Promise<void> {
  const { disk } = run;
  await run.start(directives);
  await run.change("incrby n 1");
  const { fault } = disk;
  disk.fault = (operation, path) =>
    operation === "write" && path === log ? "ENOSPC" : fault(operation, path);
  await run.change("incrby n 2");
  run.command("bgrewriteaof");
  await run.change("set c 3");
  await run.settle();
  disk.fault = fault;
  await run.change("incrby n 3");
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "a start without anything",
    directives: ON,
    operations: ["make-directory", "open", "sync", "rename", "sync-directory", "write"],
    act: async (run) => {
      await run.start(ON);
      await run.change("set a 1");
    },
  },
  {
    name: "a start on one file of the old layout",
    directives: ON,
    operations: ["make-directory", "open", "sync", "rename", "sync-directory", "write"],
    prepare: (run) => {
      run.disk.put("/data/appendonly.aof", log([...FIRST, ...SECOND]));
      run.adopt(...FIRST, ...SECOND);
    },
    act: async (run) => {
      await run.start(ON);
      await run.change("incrby n 7");
    },
  },
  {
    name: "a start with a torn tail, history and an incomplete base",
    directives: ON,
    operations: ["truncate", "remove", "sync", "rename", "sync-directory", "write"],
    prepare: putLeftovers,
    act: async (run) => {
      await run.start(ON);
      await run.change("incrby n 7");
    },
  },
  ...["yes", "no"].map(
    (preamble): Scenario => ({
      name: `a rewrite, aof-use-rdb-preamble ${preamble}`,
      directives: `${ON}\naof-use-rdb-preamble ${preamble}`,
      operations: ["open", "write", "sync", "rename", "sync-directory", "remove", "truncate"],
      prepare: putLog,
      act: async (run) => {
        await run.start(`${ON}\naof-use-rdb-preamble ${preamble}`);
        await rewrite(run);
      },
    }),
  ),
  {
    name: "a rewrite of one plain file",
    directives: PLAIN,
    operations: ["open", "write", "sync", "rename", "sync-directory"],
    prepare: putPlain,
    act: async (run) => {
      await run.start(PLAIN);
      await rewrite(run);
    },
  },
  {
    name: "a rewrite in the place of a full log",
    directives: ON,
    operations: ["open", "write", "sync", "rename", "sync-directory", "remove"],
    prepare: putLog,
    act: (run) => mend(run, ON, `${FOLDER}/appendonly.aof.2.incr.aof`),
  },
  {
    name: "a rewrite in the place of a full plain file",
    directives: PLAIN,
    operations: ["open", "write", "sync", "rename", "sync-directory", "remove"],
    prepare: putPlain,
    act: (run) => mend(run, PLAIN, "/data/plain.aof"),
  },
  {
    name: "appendonly switched off and on",
    directives: ON,
    operations: ["open", "write", "sync", "rename", "sync-directory", "remove"],
    prepare: putLog,
    act: async (run) => {
      await run.start(ON);
      await run.change("incrby n 1");
      run.command("config set appendonly no");
      await run.pass(10);
      // Not for the log, until it is on again.
      const promised = run.acknowledged;
      await run.change("set c 3");
      run.acknowledged = promised;
      run.command("config set appendonly yes");
      await run.change("incrby n 2");
      run.acknowledged = promised;
      await run.settle();
      if (run.fixture.server.durability.isOn) await run.change("incrby n 3");
    },
  },
  ...["save", "bgsave", "shutdown"].map(
    (how): Scenario => ({
      name: `${how} without a log`,
      directives: OFF,
      operations: ["open", "write", "sync", "rename", "sync-directory"],
      act: async (run) => {
        await run.start(OFF);
        for (const round of [1, 2]) {
          await run.change(`set a ${round}`, "rpush list x y");
          run.acknowledged = 0;
          await save(run, how);
        }
      },
    }),
  ),
  {
    name: "a shutdown with a log and a snapshot",
    directives: `${ON}\nsave 3600 1`,
    operations: ["open", "write", "sync", "rename", "sync-directory"],
    prepare: putLog,
    act: async (run) => {
      await run.start(`${ON}\nsave 3600 1`);
      await run.change("incrby n 1");
      await save(run, "shutdown");
    },
  },
];

/** Saves; what there is then is promised from there on. */
async function save(run: OperationRun, how: string): Promise<void> {
  const { server } = run.fixture;
  const { persistence } = server;
  const { changes } = run;
  const lastSaveMs = persistence.rdbLastSaveMs;
  if (how === "shutdown") {
    const isSaved = server.ending.save({ save: "save", now: false, force: false });
    if (isSaved) run.acknowledged = changes;
    return;
  }
  run.command(how);
  await run.settle();
  if (persistence.rdbLastSaveMs > lastSaveMs) run.acknowledged = changes;
}

/** A disk, perhaps with a planted bug. */
type MakeDisk = () => FaultyFileSystem;
const soundDisk: MakeDisk = () => new FaultyFileSystem();

/** Prepares a run; its operations count from here on. */
function begin(scenario: Scenario, makeDisk: MakeDisk): OperationRun {
  const run = new OperationRun(makeDisk());
  run.disk.put("/data/other", Buffer.alloc(0));
  scenario.prepare?.(run);
  return run;
}

interface Left {
  readonly disk: FaultyFileSystem;
  readonly promised: number;
  readonly place: string;
}

/** What stops and power cuts at the operations of a scenario leave. */
async function stopEverywhere(scenario: Scenario, run: OperationRun) {
  const random = new Xoshiro(7);
  const left: Left[] = [];
  const kinds = new Set<Operation>();
  let count = 0;
  run.disk.partial = (length) => Math.floor(length / 2);
  const stop = (place: string) => {
    const promised = run.acknowledged;
    left.push({ disk: run.disk.killProcess(), promised, place });
    for (let k = 0; k < POWER_CUTS_EACH; k++) {
      left.push({ disk: run.disk.cutPower(random), promised, place });
    }
  };
  run.disk.observe = (phase, operation, path) => {
    kinds.add(operation);
    if (phase === "before") count++;
    stop(`${phase} operation ${count}, ${operation} ${path}`);
  };
  await scenario.act(run);
  run.disk.observe = () => {};
  stop("after all operations");
  return { left, kinds, count };
}

/** Starts on what is left; the number of changes found, which must be promised ones at least. */
async function check(run: OperationRun, scenario: Scenario, left: Left): Promise<void> {
  for (let start = 0; start < 2; start++) {
    await run.start(scenario.directives, left.disk).catch((error: unknown) => {
      throw new Error(`${left.place}: the start fails: ${error}`, { cause: error });
    });
    const found = await run.found();
    if (found === undefined) throw new Error(`${left.place}: what never was is found`);
    if (found < left.promised) {
      throw new Error(`${left.place}: ${found} changes are found, ${left.promised} were promised`);
    }
  }
}

/** Stops, or cuts the power, at every operation; throws where a promise is broken. */
async function tryStops(scenario: Scenario, makeDisk: MakeDisk = soundDisk): Promise<void> {
  using run = begin(scenario, makeDisk);
  const { left, kinds, count } = await stopEverywhere(scenario, run);
  for (const one of left) await check(run, scenario, one);
  for (const kind of scenario.operations) expect(kinds).toContain(kind);
  expect(count).toBeGreaterThan(5);
}

describe("a stop or a power cut at every operation of", () => {
  for (const scenario of SCENARIOS) {
    test(scenario.name, () => tryStops(scenario), 120_000);
  }
});

/** The operations that change the disk or the process's hold on it. */
const FAILING: ReadonlySet<Operation> = new Set([
  ...(["open", "write", "sync", "truncate", "rename"] as const),
  ...(["remove", "make-directory", "sync-directory"] as const),
]);

/** Has the operation number `at` fail, and those after it while it `lasts`; how many there were. */
async function failAt(
  scenario: Scenario,
  at: number,
  { code, lasts }: Way,
  makeDisk: MakeDisk,
): Promise<number> {
  using run = begin(scenario, makeDisk);
  let count = 0;
  let isFailing = true;
  run.disk.partial = (length) => Math.floor(length / 3);
  run.disk.fault = (operation) => {
    if (!isFailing || !FAILING.has(operation)) return undefined;
    count++;
    return count === at || (lasts && count > at) ? code : undefined;
  };
  const isRefused = await scenario.act(run).then(
    () => false,
    (error: Error) => error,
  );
  isFailing = false;
  if (isRefused === false) {
    // From now on all is well: after two seconds at most the server takes changes again.
    await run.pass(2000);
    await run.settle();
    if (!(await run.change("set well 1"))) {
      throw new Error(`operation ${at}, ${code}: the server does not recover`);
    }
    if (scenario.directives === OFF) await save(run, "save");
    await run.stop();
  } else if (isRefused instanceof TypeError) throw isRefused;
  const left = { disk: run.disk.killProcess(), promised: run.acknowledged };
  await check(run, scenario, { ...left, place: `operation ${at}, ${code}, lasts: ${lasts}` });
  return count;
}

/** How an operation fails: with what, and whether those after it do so as well. */
interface Way {
  readonly code: string;
  readonly lasts: boolean;
}

const WAYS: readonly Way[] = [
  { code: "EIO", lasts: false },
  { code: "ENOSPC", lasts: true },
  { code: "ENOSPC", lasts: false },
  { code: "EIO", lasts: true },
];

/** Has every operation of a scenario fail; throws where a promise is broken. */
async function tryFailures(
  scenario: Scenario,
  inEveryWay: boolean,
  makeDisk: MakeDisk = soundDisk,
): Promise<void> {
  let failed = 0;
  const count = await failAt(scenario, Number.POSITIVE_INFINITY, WAYS[0], makeDisk);
  for (let at = 1; at <= count; at++) {
    const ways = inEveryWay ? WAYS : [WAYS[at % WAYS.length]];
    for (const way of ways) {
      if ((await failAt(scenario, at, way, makeDisk)) >= at) failed++;
    }
  }
  expect(failed).toBeGreaterThan(8);
}

describe("every operation fails, once or for a while, during", () => {
  for (const scenario of SCENARIOS) {
    test(scenario.name, () => tryFailures(scenario, FAILS_IN_EVERY_WAY), 120_000);
  }
});

describe("the check notices", () => {
  const named = (name: string) => SCENARIOS.find((scenario) => scenario.name === name)!;
  const BROKEN = /operation.*: (\d+ changes are found|what never was is found|the start fails)/;

  const stops: readonly (readonly [bug: string, scenario: string, MakeDisk])[] = [
    ["a sync that does nothing", "a start without anything", unsynced("")],
    [
      "a log that is not synced",
      "a start with a torn tail, history and an incomplete base",
      unsynced(".incr."),
    ],
    [
      "a base that is not synced",
      "a rewrite, aof-use-rdb-preamble no",
      unsynced("temp-rewriteaof"),
    ],
    [
      "a base of a plain file that is not synced",
      "a rewrite of one plain file",
      unsynced("temp-rewrit"),
    ],
    ["a manifest that is not synced", "appendonly switched off and on", unsynced(".manifest")],
    ["a snapshot that is not synced", "shutdown without a log", unsynced("/data/temp-")],
    ["a snapshot that is renamed before its sync", "bgsave without a log", () => new EarlyRename()],
    [
      "a directory that is never synced",
      "a rewrite of one plain file",
      () => new UnsyncedDirectory(),
    ],
    [
      "history that is removed before the manifest is there",
      "a rewrite in the place of a full log",
      () => new EarlyRemoval(),
    ],
  ];
  for (const [bug, scenario, makeDisk] of stops) {
    test(bug, async () => {
      await expect(tryStops(named(scenario), makeDisk)).rejects.toThrow(BROKEN);
    }, 120_000);
  }

  test("a failed write that is taken for a success", async () => {
    const attempt = tryFailures(named("a start without anything"), true, unnoticedWrites);
    await expect(attempt).rejects.toThrow(BROKEN);
  }, 120_000);

  test("a log that goes on though a restart may find the next one", async () => {
    const scenario = named("a rewrite in the place of a full log");
    const attempt = () =>
      withBug(
        Durability.prototype,
        "giveUp",
        () => {},
        async () => {
          await expect(tryFailures(scenario, true)).rejects.toThrow(BROKEN);
        },
      );
    // What is noted at the end makes sure of the manifest, too.
    await withBug(AofFiles.prototype, "close", async () => {}, attempt);
  }, 120_000);
});
