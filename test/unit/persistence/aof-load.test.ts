// What Redis does at start-up with manifests, old layouts, torn tails and damage was seen on 8.0.6.

import { beforeEach, describe, expect, test } from "bun:test";
import { ManualClock, systemClock } from "../../../src/base/clock.ts";
import { AppendOnlyFile } from "../../../src/persistence/aof.ts";
import { AofError } from "../../../src/persistence/aof-files.ts";
import { AofLoader, type AofProgress } from "../../../src/persistence/aof-load.ts";
import { encode, loadSnapshot } from "../../harness/crash-simulation.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";

const FOLDER = "/data/appendonlydir";
const MANIFEST = `${FOLDER}/appendonly.aof.manifest`;
const INCREMENT = `${FOLDER}/appendonly.aof.1.incr.aof`;
const SET = (key: string) => encode(["SET", key, "v"]);

let disk: FaultyFileSystem;
let messages: string[];

beforeEach(() => {
  disk = new FaultyFileSystem();
  disk.put("/data/unrelated", Buffer.alloc(0));
  messages = [];
});

interface Choices {
  path?: string;
  loadTruncated?: boolean;
  clock?: typeof systemClock;
}

function open(choices: Choices = {}): Promise<AofLoader> {
  return AofLoader.open({
    fileSystem: disk,
    logger: { log: (_, message) => messages.push(message) },
    clock: choices.clock ?? new ManualClock(0),
    loadSnapshot,
    path: choices.path,
    directory: "/data",
    directoryName: "appendonlydir",
    fileName: "appendonly.aof",
    loadTruncated: choices.loadTruncated ?? true,
  });
}

/** Scans and applies; the keys that were set, in order. */
async function load(loader: AofLoader): Promise<string[]> {
  const keys: string[] = [];
  await loader.scan();
  await loader.apply((bytes, starts, ends, count) => {
    const text = (k: number) => Buffer.from(bytes.subarray(starts[k], ends[k])).toString();
    if (text(0) === "SET" && count === 3) keys.push(text(1));
    return text(0) !== "NOSUCH";
  });
  return keys;
}

async function refusalOf(promise: Promise<unknown>): Promise<readonly string[]> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AofError) return error.lines;
  throw error ?? new Error("was accepted");
}

function put(path: string, ...parts: (Buffer | string)[]): void {
  disk.put(path, Buffer.concat(parts.map((part) => Buffer.from(part as string))));
}

const manifest = () => disk.contentOf(MANIFEST).toString();

describe("a fresh start", () => {
  test("creates the directory, an increment and the manifest, durably", async () => {
    const loader = await open();
    expect(await load(loader)).toEqual([]);
    expect(disk.exists(FOLDER)).toBe(false);
    const position = await loader.position();
    expect(position.path).toBe(INCREMENT);
    expect(position.size).toBe(0);
    expect(manifest()).toBe("file appendonly.aof.1.incr.aof seq 1 type i startoffset 0\n");
    expect(disk.durableContentOf(MANIFEST).toString()).toBe(manifest());
    expect(messages).toEqual(["Creating AOF incr file appendonly.aof.1.incr.aof on server start"]);
    expect(await load(await open())).toEqual([]);
  });

  test("leaves what no manifest lists as it is, under its name, and says so", async () => {
    put(INCREMENT, SET("ghost"));
    const loader = await open();
    await loader.scan();
    const position = await loader.position();
    expect(position.size).toBe(0);
    expect(position.path).toBe(`${FOLDER}/appendonly.aof.2.incr.aof`);
    expect(disk.contentOf(INCREMENT).length).toBe(SET("ghost").length);
    expect(messages[0]).toStartWith("The AOF manifest does not name appendonly.aof.1.incr.aof");
  });

  test("removes what an interrupted rewrite left", async () => {
    put(`${FOLDER}/temp-rewriteaof-bg-17.aof`, "REDIS");
    const loader = await open();
    await loader.scan();
    await loader.position();
    expect(disk.paths).toEqual([INCREMENT, MANIFEST, "/data/unrelated"]);
  });

  test("with a path creates that file alone", async () => {
    const loader = await open({ path: "/data/my.aof" });
    expect(await load(loader)).toEqual([]);
    expect((await loader.position()).path).toBe("/data/my.aof");
    expect(disk.paths).toEqual(["/data/my.aof", "/data/unrelated"]);
    expect(loader.files.displayPath).toBe("/data/my.aof");
  });
});

describe("loading", () => {
  test("applies the base, then the increments in order, and goes on with the last", async () => {
    put(
      MANIFEST,
      "file b.aof seq 1 type b\nfile old seq 1 type h\n",
      "file i1 seq 1 type i\nfile i2 seq 2 type i\n",
    );
    put(`${FOLDER}/b.aof`, SET("base"));
    put(`${FOLDER}/old`, SET("old"));
    put(`${FOLDER}/i1`, SET("one"), "#TS:1700000000\r\n", SET("two"));
    put(`${FOLDER}/i2`, SET("three"));
    const loader = await open();
    await loader.scan();
    expect(loader.commands).toBe(4);
    const parts = ["b.aof", "i1", "i2"].map((name) => disk.contentOf(`${FOLDER}/${name}`).length);
    expect(loader.bytes).toBe(parts[0] + parts[1] + parts[2]);
    const fresh = await open();
    expect(await load(fresh)).toEqual(["base", "one", "two", "three"]);
    expect(messages).toEqual([
      "DB loaded from base file b.aof: 0.000 seconds",
      "DB loaded from incr file i1: 0.000 seconds",
      "DB loaded from incr file i2: 0.000 seconds",
      "DB loaded from append only file: 0.000 seconds",
    ]);
    const position = await fresh.position();
    expect(position.path).toBe(`${FOLDER}/i2`);
    expect(position.size).toBe(SET("three").length);
    expect(position.uncoveredBytes).toBe(position.size);
    expect(position.baseBytes).toBe(SET("base").length);
    expect(position.earlierBytes).toBe(disk.contentOf(`${FOLDER}/i1`).length + position.baseBytes);
    // History is deleted.
    expect(disk.exists(`${FOLDER}/old`)).toBe(false);
    expect(manifest()).toBe(
      "file b.aof seq 1 type b\nfile i1 seq 1 type i\nfile i2 seq 2 type i\n",
    );
  });

  test("applies transactions without MULTI and EXEC, and counts both", async () => {
    put("/data/p", encode(["multi"]), SET("a"), SET("b"), encode(["Exec"]), SET("c"));
    const loader = await open({ path: "/data/p" });
    const names: string[] = [];
    await loader.scan();
    expect(loader.commands).toBe(5);
    await loader.apply((bytes, starts, ends) => {
      names.push(Buffer.from(bytes.subarray(starts[0], ends[0])).toString());
      return true;
    });
    expect(names).toEqual(["SET", "SET", "SET"]);
  });

  test("reports progress and lets the event loop turn", async () => {
    const commands: Buffer[] = [];
    for (let k = 0; k < 3000; k++) commands.push(SET(String(k)));
    put("/data/p", ...commands);
    let us = 0;
    const clock = { ...systemClock, monotonicUs: () => (us += 5000) };
    const loader = await open({ path: "/data/p", clock });
    await loader.scan();
    let turns = 0;
    const immediate = setInterval(() => turns++, 0);
    const seen: AofProgress[] = [];
    await loader.apply(
      () => true,
      (progress) => seen.push({ ...progress }),
    );
    clearInterval(immediate);
    expect(seen.length).toBeGreaterThan(2);
    expect(seen[0].commands).toBeLessThan(3000);
    expect(seen.at(-1)).toEqual({
      bytes: loader.bytes,
      totalBytes: loader.bytes,
      commands: 3000,
      totalCommands: 3000,
    });
    for (let k = 1; k < seen.length; k++) {
      expect(seen[k].bytes).toBeGreaterThanOrEqual(seen[k - 1].bytes);
    }
  });
});

describe("a base in RDB format", () => {
  // What Redis 7.0.15 writes as the base of a log that begins empty.
  const empty = Buffer.from(
    "524544495330303130fa0972656469732d76657206372e302e3135fa0a72656469732d62697473c040" +
      "fa056374696d65c2adb8006bfa08757365642d6d656dc2805f0d00fa08616f662d62617365c001" +
      "fff73f4fea1bd0d2a2",
    "hex",
  );

  async function loadWithBase(base: Buffer): Promise<string[]> {
    put(MANIFEST, "file b.rdb seq 1 type b\nfile i seq 1 type i\n");
    put(`${FOLDER}/b.rdb`, base);
    put(`${FOLDER}/i`, SET("a"));
    const loader = await open();
    const keys = await load(loader);
    expect(loader.bytes).toBe(base.length + SET("a").length);
    expect((await loader.position()).baseBytes).toBe(base.length);
    return keys;
  }

  const withKeys = (() => {
    const keys = Buffer.from("fe00fb0100000161c001", "hex");
    const end = empty.length - 9;
    // Eight zeros in place of a checksum mean that there is none.
    return Buffer.concat([empty.subarray(0, end), keys, Buffer.from([255]), Buffer.alloc(8)]);
  })();

  test("is loaded before the commands", async () => {
    expect(await loadWithBase(empty)).toEqual(["a"]);
    expect(await loadWithBase(withKeys)).toEqual(["a"]);
    expect(messages).toContain("Reading RDB base file on AOF loading...");
  });

  test("is refused where it is cut or damaged, with the offset", async () => {
    for (let cut = 9; cut < empty.length; cut++) {
      const lines = await refusalOf(loadWithBase(empty.subarray(0, cut)));
      expect(lines.at(-1)).toBe("Error reading the RDB base file b.rdb, AOF loading aborted");
      expect(lines.at(0)).toContain("Internal error in RDB reading offset ");
    }
    const flipped = Buffer.from(empty);
    flipped[14] ^= 1;
    expect((await refusalOf(loadWithBase(flipped))).at(0)).toContain("RDB CRC error");
  });

  test("may be followed by commands in a plain file, which is appended to", async () => {
    const appended = SET("a");
    put("/data/p", withKeys, appended);
    const loader = await open({ path: "/data/p" });
    expect(await load(loader)).toEqual(["a"]);
    expect(messages).toContain("Reading RDB preamble from AOF file...");
    const position = await loader.position();
    expect(position.size).toBe(withKeys.length + appended.length);
    expect(position.uncoveredBytes).toBe(appended.length);
  });

  test("is followed by a torn tail that is cut off", async () => {
    put("/data/p", withKeys, SET("a"), SET("b").subarray(0, 9));
    const loader = await open({ path: "/data/p" });
    expect(await load(loader)).toEqual(["a"]);
    expect(disk.contentOf("/data/p")).toEqual(Buffer.concat([withKeys, SET("a")]));
  });

  test("that is a torn preamble is refused, also at the end of the log", async () => {
    put("/data/p", withKeys.subarray(0, withKeys.length - 9));
    const loader = await open({ path: "/data/p" });
    expect((await refusalOf(loader.scan())).at(-1)).toBe(
      "Error reading the RDB preamble of the AOF file /data/p, AOF loading aborted",
    );
  });
});

describe("a torn tail before files without content", () => {
  test("is cut off, for they were only prepared", async () => {
    put(MANIFEST, "file i1 seq 1 type i\nfile i2 seq 2 type i\n");
    put(`${FOLDER}/i1`, SET("one"), SET("two").subarray(0, 9));
    put(`${FOLDER}/i2`, "");
    const loader = await open();
    expect(await load(loader)).toEqual(["one"]);
    expect((await loader.position()).path).toBe(`${FOLDER}/i2`);
    expect(disk.contentOf(`${FOLDER}/i1`)).toEqual(SET("one"));
  });
});

describe("the old layout", () => {
  const OLD = "/data/appendonly.aof";

  test("is moved into the directory as the base", async () => {
    put(OLD, SET("a"));
    const loader = await open();
    expect(await load(loader)).toEqual(["a"]);
    expect(disk.exists(OLD)).toBe(false);
    expect(manifest()).toBe("file appendonly.aof seq 1 type b\n");
    expect(messages[0]).toBe(
      "Successfully migrated an old-style AOF file (appendonly.aof) into the AOF" +
        " directory (appendonlydir).",
    );
    expect((await loader.position()).path).toBe(INCREMENT);
    expect(await load(await open())).toEqual(["a"]);
  });

  test("is moved once the power is back, wherever it was cut", async () => {
    for (let failing = 1; ; failing++) {
      disk = new FaultyFileSystem();
      put(OLD, SET("a"));
      let operations = 0;
      disk.fault = () => (++operations === failing ? "EIO" : undefined);
      const survived = await open().then(
        () => true,
        () => false,
      );
      for (let bit = 0; bit < 2; bit++) {
        const before = disk;
        disk = disk.cutPower({ uint32: () => bit });
        expect(await load(await open())).toEqual(["a"]);
        disk = before;
      }
      if (survived) break;
    }
  });

  test("is left alone where a manifest lists files", async () => {
    put(OLD, SET("a"));
    put(MANIFEST, "file i seq 1 type i\n");
    put(`${FOLDER}/i`, SET("b"));
    expect(await load(await open())).toEqual(["b"]);
    expect(disk.exists(OLD)).toBe(true);
  });
});

describe("a start is refused", () => {
  test("for an unusable manifest, with Redis's lines", async () => {
    put(MANIFEST, "nonsense\n");
    expect(await refusalOf(open())).toEqual([
      "*** FATAL AOF MANIFEST FILE ERROR ***",
      "Reading the manifest file, at line 1",
      ">>> 'nonsense'",
      "Invalid AOF manifest file format",
    ]);
  });

  test("for a file that is missing", async () => {
    put(MANIFEST, "file gone.aof seq 1 type i\n");
    expect(await refusalOf(open())).toEqual([
      "Unable to obtain the AOF file gone.aof length. stat: No such file or directory",
    ]);
  });

  test("for a path that is a directory", async () => {
    disk.makeDirectory("/data/folder");
    expect((await refusalOf(open({ path: "/data/folder" }))).at(-1)).toEndWith("Is a directory");
  });

  test("for a snapshot of an unknown version", async () => {
    put(MANIFEST, "file b.rdb seq 1 type b\n");
    put(`${FOLDER}/b.rdb`, "REDIS0099...");
    const loader = await open();
    const lines = await refusalOf(loader.scan());
    expect(lines.at(0)).toContain("Can't handle RDB format version 99");
    expect(lines.at(-1)).toBe("Error reading the RDB base file b.rdb, AOF loading aborted");
  });

  test("for an unknown command, named in the last line", async () => {
    put("/data/p", SET("a"), encode(["NOSUCH", "x"]));
    const loader = await open({ path: "/data/p" });
    expect(await refusalOf(load(loader))).toEqual([
      "Unknown command 'NOSUCH' reading the append only file /data/p",
    ]);
  });

  const damaged: [why: string, tail: Buffer][] = [
    ["garbage", Buffer.from("garbage\r\n")],
    ["EXEC without MULTI", encode(["EXEC"])],
    ["a nested MULTI", Buffer.concat([encode(["MULTI"]), encode(["MULTI"])])],
    ["zeros", Buffer.alloc(100)],
  ];
  for (const [why, tail] of damaged) {
    test(`for ${why}, before anything was applied, leaving the file alone`, async () => {
      put("/data/p", SET("a"), tail, SET("b"));
      const before = disk.contentOf("/data/p");
      const loader = await open({ path: "/data/p" });
      const offset = SET("a").length + (why === "a nested MULTI" ? encode(["MULTI"]).length : 0);
      expect((await refusalOf(loader.scan())).at(-1)).toStartWith(
        `Bad file format reading the append only file /data/p at offset ${offset}: `,
      );
      expect(disk.contentOf("/data/p")).toEqual(before);
    });
  }

  test("for a torn file that is not the last", async () => {
    put(MANIFEST, "file i1 seq 1 type i\nfile i2 seq 2 type i\n");
    put(`${FOLDER}/i1`, SET("a"), "*1\r\n");
    put(`${FOLDER}/i2`, SET("b"));
    const lines = await refusalOf((await open()).scan());
    expect(lines[0]).toBe("Fatal error: the truncated file is not the last file");
    expect(lines[1]).toStartWith("Unexpected end of file reading the append only file i1");
  });

  test("for a torn tail with aof-load-truncated no", async () => {
    put("/data/p", SET("a"), encode(["MULTI"]), SET("b"));
    const loader = await open({ path: "/data/p", loadTruncated: false });
    const lines = await refusalOf(loader.scan());
    expect(lines[0]).toBe("Revert incomplete MULTI/EXEC transaction in AOF file /data/p");
    expect(lines[1]).toStartWith("Unexpected end of file reading the append only file /data/p");
  });

  test("for a disk error while reading", async () => {
    put("/data/p", SET("a"));
    const loader = await open({ path: "/data/p" });
    disk.fault = (operation) => (operation === "read" ? "EIO" : undefined);
    expect(await refusalOf(loader.scan())).toEqual([
      "Unrecoverable error reading the append only file /data/p: Input/output error",
    ]);
  });
});

describe("a torn tail", () => {
  test("is cut off and said so", async () => {
    put("/data/p", SET("a"), SET("b").subarray(0, 9));
    expect(await load(await open({ path: "/data/p" }))).toEqual(["a"]);
    expect(disk.durableContentOf("/data/p")).toEqual(SET("a"));
    expect(messages.slice(0, 3)).toEqual([
      "!!! Warning: short read while loading the AOF file /data/p!!!",
      `!!! Truncating the AOF /data/p at offset ${SET("a").length} !!!`,
      "AOF /data/p loaded anyway because aof-load-truncated is enabled",
    ]);
  });

  test("of a transaction is cut off where it began", async () => {
    put("/data/p", SET("a"), encode(["MULTI"]), SET("b"), SET("c").subarray(0, 9));
    expect(await load(await open({ path: "/data/p" }))).toEqual(["a"]);
    expect(disk.contentOf("/data/p")).toEqual(SET("a"));
    expect(messages[0]).toBe("Revert incomplete MULTI/EXEC transaction in AOF file /data/p");
  });

  test("of a comment is cut off, since the next command would join it", async () => {
    put("/data/p", SET("a"), "#CRC:2");
    expect(await load(await open({ path: "/data/p" }))).toEqual(["a"]);
    expect(disk.contentOf("/data/p")).toEqual(SET("a"));
  });

  test("of a transaction leaves the checksum going on where it was before", async () => {
    put("/data/p", SET("a"), encode(["MULTI"]), SET("b"));
    const loader = await open({ path: "/data/p" });
    await load(loader);
    const aof = new AppendOnlyFile({
      fileSystem: disk,
      clock: systemClock,
      logger: { log: () => {} },
      policy: "no",
    });
    aof.open(await loader.position());
    aof.append(0, SET("c"), 0, SET("c").length);
    await aof.close();
    expect(disk.contentOf("/data/p").toString()).toContain("#CRC:");
    expect(await load(await open({ path: "/data/p" }))).toEqual(["a", "c"]);
  });
});
