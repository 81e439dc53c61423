// Damaged snapshot files: every sample cut at every offset and with every byte flipped. With the
// checksum nothing of that is believed; without, it is refused or gives a data set that holds
// together. RDB_DAMAGE=all looks at every position of the large ones as well.

import { expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBelow, Xoshiro } from "../../src/base/random.ts";
import { RdbError } from "../../src/persistence/rdb-reader.ts";
import { loadBytes, rdbFile, savedBytes, stringOf, withChecksum } from "../harness/rdb-bytes.ts";
import { SAMPLE_VALUES, type SampleValue } from "../harness/sample-values.ts";
import { launchServer } from "../harness/server.ts";
import { requestOf, ServerFixture } from "../unit/server/server-fixture.ts";

const LOOKS_AT_ALL = process.env.RDB_DAMAGE === "all";
const PATIENCE_MS = LOOKS_AT_ALL ? 3_600_000 : 120_000;
/** Of a large file: positions at its beginning, at its end, and at random in between. */
const EDGE = 60;
/** The version in the header; another one may be read quite as well. */
const VERSION_START = 5;
const VERSION_END = 9;
const CHECKSUM_BYTES = 8;
/** What one byte may grow to: compressed strings, by this factor at most, and tables. */
const GROWTH_MAX = 2000;
const SMALL_BYTES = 4 << 20;

const DIRECTIVES = "enable-debug-command yes";

function fileOf(sample: SampleValue): Buffer {
  const fixture = new ServerFixture(DIRECTIVES);
  const peer = fixture.connect();
  for (const command of sample.commands) peer.send(requestOf(...(command as string[])));
  return savedBytes(fixture.keyspace, fixture, sample.isNew ? 12 : 10);
}

function positionsOf(length: number, random: Xoshiro): number[] {
  const positions = Array.from({ length }, (_, k) => k);
  if (LOOKS_AT_ALL || length <= 3 * EDGE) return positions;
  const chosen = [...positions.slice(0, EDGE), ...positions.slice(-EDGE)];
  for (let k = 0; k < EDGE; k++) chosen.push(randomBelow(random, length));
  return chosen;
}

/** Whether bytes are refused; what they leave behind otherwise must hold together. */
class Victim {
  readonly #fixture = new ServerFixture(DIRECTIVES);
  readonly #peer = this.#fixture.connect();

  refuses(bytes: Buffer, verifiesChecksum: boolean): boolean {
    const { keyspace, clock, server } = this.#fixture;
    const before = keyspace.pool.usedBytes;
    try {
      loadBytes(bytes, this.#fixture, { verifiesChecksum });
      return false;
    } catch (error) {
      if (error instanceof RdbError) return true;
      throw error;
    } finally {
      expect(keyspace.pool.usedBytes - before).toBeLessThan(
        SMALL_BYTES + bytes.length * GROWTH_MAX,
      );
      keyspace.verify();
      if (!verifiesChecksum) this.#use();
      keyspace.clear();
      server.libraries.clear();
      while (keyspace.lazyFree.run(clock, Number.POSITIVE_INFINITY)) {}
    }
  }

  /** Walks over everything there is: every element, and another snapshot. */
  #use(): void {
    const { keyspace } = this.#fixture;
    this.#peer.send(requestOf("debug", "digest"));
    expect(this.#peer.transport.take()).toMatch(/^\+[0-9a-f]{40}\r\n$/);
    const again = new ServerFixture(DIRECTIVES);
    loadBytes(savedBytes(keyspace, this.#fixture, 12), again);
    const keys = keyspace.databases.reduce((sum, db) => sum + db.size, 0);
    expect(again.keyspace.databases.reduce((sum, db) => sum + db.size, 0)).toBe(keys);
  }
}

/** Libraries, one of them compressed, and a key behind them. */
const FUNCTIONS: SampleValue = {
  key: "functions",
  commands: [
    ["function", "load", "#!lua name=a\nredis.register_function('f', function() return 42 end)"],
    [
      ...["function", "load"],
      `#!lua name=b\n--${"long ".repeat(20)}\nlocal n = 1\n` +
        "redis.register_function{function_name='g', callback=function() return n end}",
    ],
    ["set", "k", "1"],
  ],
};

for (const sample of [...SAMPLE_VALUES, FUNCTIONS]) {
  const file = fileOf(sample);
  const random = new Xoshiro(file.length);

  test(
    `${sample.key}: a file cut anywhere is refused`,
    () => {
      const victim = new Victim();
      expect(victim.refuses(file, true)).toBe(false);
      for (const end of positionsOf(file.length, random)) {
        if (victim.refuses(file.subarray(0, end), false)) continue;
        throw new Error(`cut to ${end} of ${file.length} bytes it was accepted`);
      }
    },
    PATIENCE_MS,
  );

  test(
    `${sample.key}: a flipped byte is noticed by the checksum`,
    () => {
      const victim = new Victim();
      for (const at of positionsOf(file.length, random)) {
        if (at >= VERSION_START && at < VERSION_END) continue;
        const damaged = Buffer.from(file);
        damaged[at] ^= 1 << randomBelow(random, 8);
        if (victim.refuses(damaged, true)) continue;
        throw new Error(`with byte ${at} of ${file.length} flipped it was accepted`);
      }
    },
    PATIENCE_MS,
  );

  test(
    `${sample.key}: without a checksum it is refused or sound`,
    () => {
      const victim = new Victim();
      for (const at of positionsOf(file.length, random)) {
        for (const value of [file[at] ^ (1 << randomBelow(random, 8)), 0xff, 0]) {
          const damaged = Buffer.from(file);
          damaged[at] = value;
          victim.refuses(damaged, false);
        }
      }
    },
    PATIENCE_MS,
  );
}

test("the check would notice a load that ends early in silence", () => {
  const file = fileOf(SAMPLE_VALUES[0]);
  // A file that is whole up to a premature end mark is a file; this is what a cut must never be.
  const early = withChecksum(Buffer.concat([file.subarray(0, 9), Buffer.from([0xff]), file]));
  expect(new Victim().refuses(early.subarray(0, 10 + CHECKSUM_BYTES), false)).toBe(false);
});

test("only the checksum notices some of what is flipped", () => {
  const victim = new Victim();
  const file = fileOf(SAMPLE_VALUES[0]);
  const isBelieved = (at: number) => {
    const damaged = Buffer.from(file);
    damaged[at] ^= 1;
    return !victim.refuses(damaged, false);
  };
  expect(Array.from({ length: file.length }, (_, at) => isBelieved(at))).toContain(true);
});

const KEY = [0xfe, 0, 0, stringOf("a"), stringOf("1")] as const;
const GOOD = rdbFile(9, ...KEY);
const TERMINATING = "Terminating server after rdb file reading failure.";
const FATAL = "Fatal error loading the DB, check server logs. Exiting.";

function flipped(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file);
  copy[at] ^= 1;
  return copy;
}

const REFUSALS: readonly (readonly [string, Buffer, readonly string[]])[] = [
  [
    "a wrong signature",
    flipped(GOOD, 1),
    ["# Wrong signature trying to load DB from file", `# ${FATAL}`],
  ],
  ["a later version", rdbFile(99, ...KEY), ["# Can't handle RDB format version 99", `# ${FATAL}`]],
  [
    "a missing end",
    GOOD.subarray(0, GOOD.length - 9),
    [
      "# Short read or OOM loading DB. Unrecoverable error, aborting now.",
      "# Internal error in RDB reading offset 16 -> Unexpected EOF reading RDB file",
      `# ${TERMINATING}`,
    ],
  ],
  [
    "a flipped byte",
    flipped(GOOD, 15),
    [
      "# Wrong RDB checksum expected: (",
      "# Internal error in RDB reading offset 17 -> RDB CRC error",
      `# ${TERMINATING}`,
    ],
  ],
  [
    "a database too many",
    rdbFile(9, 0xfe, 16, 0, stringOf("a"), stringOf("1")),
    [
      "# FATAL: Data file was created with a Redis server configured to handle more than 16 " +
        "databases. Exiting",
      `# ${FATAL}`,
    ],
  ],
  [
    "a broken ziplist",
    rdbFile(9, 0xfe, 0, 10, stringOf("a"), stringOf("this is no ziplist")),
    ["-> Ziplist integrity check failed.", `# ${TERMINATING}`],
  ],
  [
    "a key that is there twice",
    rdbFile(9, ...KEY, 0, stringOf("b"), stringOf("1"), 0, stringOf("a"), stringOf("2")),
    ["-> RDB has duplicated key 'a' in DB 0", `# ${TERMINATING}`],
  ],
  [
    "data of modules",
    rdbFile(9, 0xf7, 0x81, Buffer.from("0123456789abcdef", "hex"), 2, 0, 0),
    ["AUX module data I can't load: no matching module 'ASNFZ4mrz'", `# ${TERMINATING}`],
  ],
  [
    "a library that cannot be loaded",
    rdbFile(10, 0xf5, stringOf("#!lua name=a\nx = 1"), ...KEY),
    [
      "# Failed loading library, Error registering functions: ERR user_function:2: Attempt to " +
        "modify a readonly table",
      "# Short read or OOM loading DB. Unrecoverable error, aborting now.",
      "-> Unexpected EOF reading RDB file",
      `# ${TERMINATING}`,
    ],
  ],
  [
    "a library that the file ends in",
    rdbFile(10, 0xf5, stringOf("#!lua name=a\nx = 1")).subarray(0, 20),
    [
      "# Failed loading library, Failed loading library payload",
      "# Short read or OOM loading DB. Unrecoverable error, aborting now.",
      "-> Unexpected EOF reading RDB file",
      `# ${TERMINATING}`,
    ],
  ],
  [
    "functions as release candidates wrote them",
    rdbFile(10, 0xf6, stringOf("a"), stringOf("LUA"), 0, stringOf("return 1")),
    ["-> Pre-release function format not supported.", `# ${TERMINATING}`],
  ],
  ["an empty file", Buffer.alloc(0), ["-> Unexpected EOF reading RDB file", `# ${TERMINATING}`]],
];

test("a start on a damaged file ends with status 1 and the lines that operators know", async () => {
  for (const [what, file, lines] of REFUSALS) {
    const directory = mkdtempSync(join(tmpdir(), "miniredis-damage-"));
    writeFileSync(join(directory, "dump.rdb"), file);
    await using server = launchServer({ directory });
    expect([what, await server.exited]).toEqual([what, 1]);
    expect(server.log).not.toContain("Ready to accept connections");
    let at = 0;
    for (const line of lines) {
      expect(server.log.slice(at)).toContain(line);
      at = server.log.indexOf(line, at) + line.length;
    }
    expect(server.log.slice(at).split("\n")[1]).toBe("");
  }
}, 30_000);
