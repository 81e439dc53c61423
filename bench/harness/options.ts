// The command line that all macro benchmarks share:
//
//   --peer NAME=COMMAND   compares with this server instead of those that are installed; may be
//   given
//                         several times. {port} and {dir} in the command are replaced; the command
//                         must not daemonize, and must say "Ready to accept connections"
//   --ours COMMAND        starts our server in another way than from source
//   --only-ours           starts no peers
//   --json FILE           also saves the results

import { parseArgs } from "node:util";

/** What every macro benchmark is told. */
export interface CommonOptions {
  readonly peers: ReadonlyMap<string, string>;
  readonly ours: string | undefined;
  readonly onlyOurs: boolean;
  readonly json: string | undefined;
}

/** The options of one program: its own ones by name, with their default values. */
export interface ProgramOptions extends CommonOptions {
  /** A whole number. */
  number(name: string): number;
  /** A comma-separated list. */
  list(name: string): string[];
}

function namedCommands(texts: readonly string[]): Map<string, string> {
  const commands = new Map<string, string>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals < 1) throw new Error(`--peer needs NAME=COMMAND, not ${text}`);
    commands.set(text.slice(0, equals), text.slice(equals + 1));
  }
  return commands;
}

/** Reads the command line. `defaults` are the program's own options. Throws for unknown ones. */
export function readOptions(defaults: Readonly<Record<string, string>>): ProgramOptions {
  const own = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: "string" as const }]),
  );
  const { values } = parseArgs({
    options: {
      peer: { type: "string", multiple: true },
      ours: { type: "string" },
      "only-ours": { type: "boolean" },
      json: { type: "string" },
      ...own,
    },
  });
  const given = values as Record<string, string | undefined>;
  const text = (name: string) => given[name] ?? defaults[name];
  return {
    peers: namedCommands(values.peer ?? []),
    ours: given.ours,
    onlyOurs: values["only-ours"] === true,
    json: given.json,
    number(name) {
      const value = Number(text(name));
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new Error(`--${name} needs a whole number, not ${text(name)}`);
      }
      return value;
    },
    list: (name) => text(name).split(",").filter(Boolean),
  };
}
