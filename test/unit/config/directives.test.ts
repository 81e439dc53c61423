// Compares the table of directives with what Redis 8.0 said of its own, recorded in
// redis-8.0-directives.tsv: name, default value, access, whether patterns list it, and the distinct
// reasons with which it refused the values of PROBES in a configuration file.

import { describe, expect, test } from "bun:test";
import { Config } from "../../../src/config/config.ts";
import {
  directiveNames,
  directives,
  findDirective,
  isObsolete,
} from "../../../src/config/directives.ts";
import { FatalConfigError, loadConfig } from "../../../src/config/file.ts";
import { PROJECT } from "../../harness/server.ts";
import { readSources } from "../../harness/source-files.ts";
import { MemoryFiles } from "./memory-files.ts";

const PROBES = [
  "99999999999999999999999",
  "9223372036854775807",
  "-9223372036854775808",
  "zzz",
  "100mb",
  "7%",
  '"1 2"',
];

const recorded = (await Bun.file(`${import.meta.dir}/redis-8.0-directives.tsv`).text())
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [name, value, access, listed, reasons] = line.split("\t");
    return { name, value, access, listed, reasons };
  });

/** Known to this server only, or to Valkey. */
const OWN_NAMES = [
  "aof",
  "aof-checksums",
  "availability-zone",
  "cluster-slot-stats-enabled",
  "commandlog-execution-slower-than",
  "commandlog-large-reply-max-len",
  "commandlog-large-request-max-len",
  "commandlog-reply-larger-than",
  "commandlog-request-larger-than",
  "commandlog-slow-execution-max-len",
  "prefetch-batch-max-size",
  "primaryauth",
  "primaryuser",
];

/** Read to be shown, by INFO, DEBUG or the report of a crash. */
const SHOWN_ONLY: ReadonlySet<string> = new Set([
  ...["io-threads", "activedefrag", "list-compress-depth", "sanitize-dump-payload"],
  ...["lazyfree-lazy-user-del", "lazyfree-lazy-user-flush"],
]);

/** Why a configuration file with one line is refused; empty if it is not. */
function refusal(line: string): string {
  try {
    loadConfig(new Config(new MemoryFiles()), line);
    return "";
  } catch (error) {
    if (error instanceof FatalConfigError) return error.message;
    throw error;
  }
}

describe.each(recorded)("$name", ({ name, value, access, listed, reasons }) => {
  test("has the default, the access and the visibility of Redis 8.0", () => {
    const config = new Config(new MemoryFiles());
    const directive = findDirective(name);
    expect(config.get([name])).toEqual([[name, value]]);
    expect(directive?.access ?? "mutable").toBe(access as "mutable");
    expect(directive?.hidden ? "hidden" : "listed").toBe(listed);
  });

  test("refuses the values that Redis 8.0 refuses, for the same reasons", () => {
    const ours = new Set(
      name === "dir"
        ? [refusal("dir /missing")]
        : PROBES.map((probe) => refusal(`${name} ${probe}`)).filter((reason) => reason !== ""),
    );
    // Redis takes a size beyond 64 bits for 1 % here, because it wraps round to -1.
    if (name === "maxmemory-clients") {
      ours.delete("percentage argument must be less or equal to 100");
    }
    // Redis reads the file, and then ends because it cannot set the locale.
    if (name === "locale-collate") ours.delete("Invalid locale name");
    expect([...ours].sort().join(" ; ")).toBe(reasons);
  });
});

describe("the table of directives", () => {
  test("knows the directives of Redis 8.0, those of its own, and no others", () => {
    const known = [...recorded.map(({ name }) => name), ...OWN_NAMES].sort();
    expect([...directiveNames]).toEqual(known);
  });

  test("accepts each initial value as a value", () => {
    for (const directive of directives) {
      const config = new Config(new MemoryFiles());
      const lines = directive.type.lines(directive.name, directive.initial, "\0");
      loadConfig(config, lines.map((line) => line.text).join("\n"));
      if (directive.name !== "dir") {
        expect(config.byteText(directive.name)).toBe(directive.initial);
      }
    }
  });

  test("says why of each directive that nothing reads, and of no other", () => {
    const sources = readSources(PROJECT, "src").filter(({ path }) => !/[/]directives-/.test(path));
    const isRead = (name: string) => sources.some(({ text }) => text.includes(`"${name}"`));
    const silent = directives.filter(({ name, withoutEffect, waitsFor }) => {
      return withoutEffect === undefined && waitsFor === undefined && !isRead(name);
    });
    expect(silent.map(({ name }) => name)).toEqual([]);
    const wrong = directives.filter(({ name, withoutEffect }) => {
      return withoutEffect !== undefined && !SHOWN_ONLY.has(name) && isRead(name);
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test("names an alias like the directive it stands for", () => {
    expect(findDirective("SLAVE-PRIORITY")?.name).toBe("replica-priority");
    expect(findDirective("lua-time-limit")?.name).toBe("busy-reply-threshold");
    expect(findDirective("commandlog-execution-slower-than")?.name).toBe("slowlog-log-slower-than");
    expect(findDirective("no-such-directive")).toBeUndefined();
  });

  test("remembers the names that Redis accepts and ignores", () => {
    expect(isObsolete("List-Max-Ziplist-Entries")).toBe(true);
    expect(isObsolete("hz")).toBe(false);
  });
});
