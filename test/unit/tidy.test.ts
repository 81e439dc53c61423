// House rules that no formatter knows: which folder may import which, how long things may be, what
// hot files must not contain, and that nothing lies about unused or unfinished.

import { expect, test } from "bun:test";
import { PROJECT } from "../harness/server.ts";
import { readSources, type SourceFile } from "../harness/source-files.ts";

const sources = readSources(PROJECT, "src");
const tests = readSources(PROJECT, "test");
const benches = readSources(PROJECT, "bench");
const all = [...sources, ...tests, ...benches];

const FEATURES = [
  ...["pubsub", "transactions", "blocking", "acl", "config", "scripting", "persistence"],
  ...["tracking", "migration", "replication", "cluster"],
];

/** Folders, lowest first; one may import those on lines above its own. */
const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["memory", "resp"],
  ["structures"],
  ["keyspace"],
  ["command"],
  FEATURES,
  ["commands"],
  ["server"],
  ["index.ts"],
  ["main.ts"],
];

/** Imports between neighbours of one layer that are allowed all the same. */
const NEIGHBOURS: readonly string[] = [
  ...["migration -> persistence", "replication -> persistence", "cluster -> replication"],
];

/**
 * Node modules that touch the outside, and the only files that may import them: the composition
 * root, which hands the outside to everyone else, the one file that owns the disk, and the one that
 * reads the Lua machine out of the program itself.
 */
const OUTSIDE: Readonly<Record<string, RegExp>> = {
  "node:fs": new RegExp(
    "^src/(main|persistence/file(-system)?|scripting/lua-module|" +
      "server/(sockets|descriptors|disk-config-files|log-file|oom-score))[.]ts$",
  ),
  "node:fs/promises": /^src\/persistence\/file(-system)?\.ts$/,
  "node:net": /^src\/server\/(connection|listeners|sockets)\.ts$/,
};

const LINES_MAX = 1000;
const LINES_TO_JUSTIFY = 800;
/** Files above 800 lines, and why they are one noun all the same. */
const JUSTIFIED: Readonly<Record<string, string>> = {
  "src/keyspace/database.ts": "every way in which a record can change passes the same few gates",
  "src/memory/cell-table.ts": "all of it works on one private layout",
};
const COLUMNS_MAX = 100;
const FUNCTION_LINES_MAX = 70;

/** What a function of a hot file must not contain. */
const HOT_BANS: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: "a view or copy", pattern: /\.(subarray|slice)\(/ },
  { name: "for...of", pattern: /\bfor (await )?\(.* of / },
  { name: "spread or rest", pattern: /\.\.\./ },
  { name: "a template string", pattern: /`/ },
  { name: "try", pattern: /\btry \{/ },
  { name: "async code", pattern: /\b(async|await)\b/ },
  { name: "a BigInt", pattern: /\b\d+n\b|\bBigInt\(/ },
];

// Joined here, so that this file does not find itself.
const UNFINISHED = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
const NOT_RUN = new RegExp(
  `\\b(test|it|describe)\\.(${["sk" + "ip", "on" + "ly", "to" + "do"].join("|")})\\b`,
);

/** The folder below src, or the file itself. */
function folderOf(path: string): string {
  return path.split("/")[1];
}

function layerOf(path: string): number {
  return LAYERS.findIndex((folders) => folders.includes(folderOf(path)));
}

function mayImport(importer: string, imported: string): boolean {
  const [from, to] = [folderOf(importer), folderOf(imported)];
  if (from === to || layerOf(imported) < layerOf(importer)) return true;
  return NEIGHBOURS.includes(`${from} -> ${to}`);
}

test("every folder of src has its place in the layers", () => {
  const homeless = sources.filter(({ path }) => layerOf(path) < 0).map(({ path }) => path);
  expect(homeless).toEqual([]);
});

test("imports only point to lower layers", () => {
  const wrong: string[] = [];
  for (const file of sources) {
    for (const imported of file.importedFiles) {
      if (!imported.startsWith("src/")) wrong.push(`${file.path} leaves src: ${imported}`);
      else if (!mayImport(file.path, imported)) wrong.push(`${file.path} -> ${imported}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("files and sockets are touched only where they belong", () => {
  const wrong: string[] = [];
  for (const file of sources) {
    for (const specifier of file.imports) {
      const allowed = OUTSIDE[specifier];
      if (allowed && !allowed.test(file.path)) wrong.push(`${file.path} imports ${specifier}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("every file of src can be reached from main.ts or index.ts", () => {
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const queue = ["src/main.ts", "src/index.ts"];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    queue.push(...(byPath.get(path)?.importedFiles ?? []));
  }
  expect(sources.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
});

test("every helper of the tests and benches is imported somewhere", () => {
  const imported = new Set(all.flatMap((file) => file.importedFiles));
  const entries = [
    /\.(test|bench|soak|contract|d)\.ts$|\/run\.ts$/,
    /^bench\/macro\/|^test\/client\/programs\/|^test\/harness\/verify\.ts$/,
  ];
  const isEntry = (path: string) => entries.some((entry) => entry.test(path));
  const unused = [...tests, ...benches].filter(({ path }) => !isEntry(path));
  expect(unused.map(({ path }) => path).filter((path) => !imported.has(path))).toEqual([]);
});

test("no file outgrows its noun", () => {
  const long = all.filter(({ lines }) => lines.length > LINES_TO_JUSTIFY);
  const wrong = long.filter((file) => file.lines.length >= LINES_MAX || !JUSTIFIED[file.path]);
  expect(wrong.map(({ path, lines }) => `${path}: ${lines.length} lines`)).toEqual([]);
});

test("no line is longer than 100 columns", () => {
  const wrong = all.flatMap(({ path, lines }) =>
    lines.flatMap((line, k) =>
      line.length > COLUMNS_MAX && !line.includes("https://") ? [`${path}:${k + 1}`] : [],
    ),
  );
  expect(wrong).toEqual([]);
});

test("no function is longer than 70 lines", () => {
  // A test's callbacks list cases; the functions beside them are held to the rule.
  const wrong = all.flatMap((file) =>
    file.functions
      .filter(({ firstLine, lastLine }) => lastLine - firstLine + 1 > FUNCTION_LINES_MAX)
      .filter(({ name }) => !/^(differential|describe|test)$/.test(name))
      .map(({ name, firstLine, lastLine }) => {
        return `${file.path}:${firstLine} ${name}: ${lastLine - firstLine + 1} lines`;
      }),
  );
  expect(wrong).toEqual([]);
});

/** Whether `// alloc:` stands on the line, or above it in the same paragraph of the function. */
function isExcused(file: SourceFile, line: number, firstLine: number): boolean {
  for (let at = line; at > firstLine && file.lines[at - 1].trim() !== ""; at--) {
    if (file.lines[at - 1].includes("// alloc:")) return true;
  }
  return false;
}

test("hot files do not allocate, but where they say why", () => {
  const wrong: string[] = [];
  for (const file of sources) {
    if (!file.text.startsWith("// hot path")) continue;
    for (const { name, firstLine, lastLine, comment } of file.functions) {
      if (name === "constructor" || /\bCold\b/.test(comment)) continue;
      for (let line = firstLine; line <= lastLine; line++) {
        const ban = HOT_BANS.find(({ pattern }) => pattern.test(file.code(line)));
        if (ban && !isExcused(file, line, firstLine))
          wrong.push(`${file.path}:${line} ${name}: ${ban.name}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("nothing is left unfinished or unrun", () => {
  const wrong = all.flatMap(({ path, lines }) =>
    lines.flatMap((line, k) =>
      UNFINISHED.test(line) || NOT_RUN.test(line) ? [`${path}:${k + 1} ${line.trim()}`] : [],
    ),
  );
  expect(wrong).toEqual([]);
});

test("file names are kebab-case and every file says what it owns", () => {
  const wrong = all.flatMap(({ path, text }) => {
    const name = path.split("/").at(-1) ?? "";
    const isKebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(name);
    // A unit test says what it is about by mirroring a file of src.
    const hasHead = path.startsWith("test/unit/") || /^(#!.*\n)?\/\/ \S/.test(text);
    return [
      ...(isKebab ? [] : [`${path}: name`]),
      ...(hasHead ? [] : [`${path}: no head comment`]),
    ];
  });
  expect(wrong).toEqual([]);
});
