// The manifests and refusals are what Redis 8.0.6 accepted and said at start-up.

import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import {
  formatManifest,
  incrementName,
  ManifestError,
  manifestName,
  parseManifest,
  readManifest,
  writeManifest,
} from "../../../src/persistence/manifest.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";

function parse(text: string) {
  return parseManifest(latin1Bytes(text));
}

function refusal(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ManifestError) return error.lines;
    throw error;
  }
  throw new Error("was accepted");
}

const FATAL = "*** FATAL AOF MANIFEST FILE ERROR ***";

describe("a manifest", () => {
  test("lists a base, increments in order and history", () => {
    const manifest = parse(
      "file a.2.base.rdb seq 2 type b\n" +
        "file a.1.base.rdb seq 1 type h\n" +
        "file a.2.incr.aof seq 2 type i\n" +
        "file a.3.incr.aof seq 3 type i\n",
    );
    expect(manifest.base).toEqual({ name: "a.2.base.rdb", sequence: 2, type: "b" });
    expect(manifest.increments.map((entry) => entry.name)).toEqual([
      "a.2.incr.aof",
      "a.3.incr.aof",
    ]);
    expect(manifest.history.map((entry) => entry.name)).toEqual(["a.1.base.rdb"]);
  });

  const accepted: [why: string, text: string][] = [
    ["with comments and unknown keys", "# c\nfile a seq 1 type i extra 3\n"],
    ["with its pairs in any order", "seq 1 type i file a\n"],
    ["in capitals", "FILE a SEQ 1 TYPE i\n"],
    ["with spaces around", "  file  a seq 1 type i \n"],
    ["with CRLF", "file a seq 1 type i\r\n"],
    ["with a longer type", "file a seq 1 type inc\n"],
    ["with a quoted name", 'file "\\x61" seq 1 type i\n'],
    ["with a name in single quotes", "file 'a' seq 1 type i\n"],
    ["with a number followed by letters", "file a seq 1x type i\n"],
  ];
  for (const [why, text] of accepted) {
    test(`is accepted ${why}`, () => {
      const { increments } = parse(text);
      expect(increments).toEqual([{ name: "a", sequence: 1, type: "i" }]);
    });
  }

  test("with comments only is empty", () => {
    const { base, increments } = parse("# nothing\n");
    expect(base).toBeUndefined();
    expect(increments).toEqual([]);
  });

  const invalid = "Invalid AOF manifest file format";
  const tooLong = "The AOF manifest file contains too long line";
  const refused: [why: string, text: string, reason: string, line: number][] = [
    ["another word", "foo\n", invalid, 1],
    ["an empty line", "\n", invalid, 1],
    ["an empty line in between", "file a seq 1 type i\n\nfile b seq 1 type b\n", invalid, 2],
    ["no type", "file a seq 1\n", invalid, 1],
    ["a key without value", "file a seq 1 type i extra\n", invalid, 1],
    ["sequence 0", "file a seq 0 type i\n", invalid, 1],
    ["open quotes", 'file "a seq 1 type i\n', invalid, 1],
    ["text after quotes", 'file "a"b seq 1 type i\n', invalid, 1],
    ["no line end", "file a seq 1 type i", tooLong, 1],
    ["a line too long", `file ${"a".repeat(1020)} seq 1 type i\n`, tooLong, 1],
    ["an unknown type", "file a seq 1 type x\n", "Unknown AOF file type", 1],
    ["a path", "file a/b seq 1 type i\n", "File can't be a path, just a filename", 1],
    [
      "two bases",
      "file a seq 1 type b\nfile a seq 1 type b\n",
      "Found duplicate base file information",
      2,
    ],
    [
      "a repeated sequence",
      "file a seq 2 type i\nfile b seq 2 type i\n",
      "Found a non-monotonic sequence number",
      2,
    ],
  ];
  for (const [why, text, reason, line] of refused) {
    test(`is refused for ${why}`, () => {
      const lines = refusal(text);
      expect(lines[0]).toBe(FATAL);
      expect(lines[1]).toBe(`Reading the manifest file, at line ${line}`);
      expect(lines[2]).toStartWith(">>> '");
      expect(lines.at(-1)).toBe(reason);
    });
  }

  test("is refused where it is empty, naming no line", () => {
    expect(refusal("")).toEqual([FATAL, "Found an empty AOF manifest"]);
  });

  test("is written as Redis writes it", () => {
    const bytes = formatManifest({
      base: { name: "a b.1.base.aof", sequence: 1, type: "b" },
      increments: [{ name: "a.1.incr.aof", sequence: 1, type: "i" }],
      history: [{ name: "a.0.incr.aof", sequence: 1, type: "h" }],
    });
    expect(latin1Text(bytes)).toBe(
      'file "a b.1.base.aof" seq 1 type b\n' +
        "file a.0.incr.aof seq 1 type h\n" +
        "file a.1.incr.aof seq 1 type i\n",
    );
  });

  test("is written with names quoted as Redis quotes them", () => {
    const written = (name: string) => {
      const increments = [{ name, sequence: 1, type: "i" as const }];
      return latin1Text(formatManifest({ base: undefined, increments, history: [] }));
    };
    const line = (name: string) => `file ${name} seq 1 type i\n`;
    expect(written("plain")).toBe(line("plain"));
    expect(written('with"q')).toBe(line('"with\\"q"'));
    expect(written("tab\t")).toBe(line('"tab\\t"'));
    expect(written("nl\n")).toBe(line('"nl\\n"'));
  });

  test("comes back as it was, whatever the names", () => {
    for (let code = 1; code < 256; code++) {
      if (code === 0x2f) continue;
      const name = `x${String.fromCharCode(code)}"'\\y`;
      const manifest = {
        base: undefined,
        increments: [{ name, sequence: 9_007_199_254, type: "i" as const }],
        history: [],
      };
      expect(parseManifest(formatManifest(manifest))).toEqual(manifest);
    }
  });
});

test("files are named as Redis names them", () => {
  expect(manifestName("appendonly.aof")).toBe("appendonly.aof.manifest");
  expect(incrementName("appendonly.aof", 4)).toBe("appendonly.aof.4.incr.aof");
});

describe("replacing a manifest", () => {
  const old = "file a seq 1 type i\n";
  const path = "/d/a.manifest";
  const next = {
    base: undefined,
    increments: [{ name: "b", sequence: 2, type: "i" as const }],
    history: [],
  };

  test("leaves no temporary file and survives a power cut", async () => {
    const disk = new FaultyFileSystem();
    disk.put(path, latin1Bytes(old));
    await writeManifest(disk, "/d", "a", next);
    expect(disk.paths).toEqual([path]);
    for (let bit = 0; bit < 2; bit++) {
      const survivor = disk.cutPower({ uint32: () => bit });
      expect(readManifest(survivor, "/d", "a")).toEqual(next);
    }
  });

  test("leaves the old one as it was if anything fails", async () => {
    for (const failing of ["open", "write", "sync", "rename"] as const) {
      const disk = new FaultyFileSystem();
      disk.put(path, latin1Bytes(old));
      disk.fault = (operation) => (operation === failing ? "EIO" : undefined);
      await expect(writeManifest(disk, "/d", "a", next)).rejects.toThrow("EIO");
      expect(disk.contentOf(path).toString()).toBe(old);
    }
  });
});
