// The manifest of a multi-part append-only file: which files make up the log, in which order.
//
//   manifest = *line                 ; UTF-8, lines of at most 1,023 bytes, each ended by LF
//   line     = "#" anything          ; a comment
//            | "file" SP name SP "seq" SP number SP "type" SP ("b" | "h" | "i") *(SP key SP value)
//
// The pairs may come in any order and case, names may be quoted as redis-cli quotes; unknown keys
// are ignored. `b` is the base (at most one), `i` the increments to apply after it in rising
// sequence, `h` files of former generations that may be deleted. Redis 7 writes and reads the same;
// its error texts are kept, for operators and tests look for them.
//
// Redis 8 adds, for increments, "startoffset" and "endoffset": the replication offsets (see
// `Effects.replicationOffset`) at which the file began and, if the server that wrote it was
// stopped, ended. Nothing is loaded by them; they are what INFO goes on from after a restart.
//
// A manifest has no checksum, and Redis would skip ours only where tests of manifests count lines.
// So whatever no server writes is refused, lest a flipped bit take a file out of the log: a key
// twice in a line, history behind what is current, and history of increments without a base.

import { latin1Bytes, latin1Text } from "../base/text.ts";
import { quoted, splitWords } from "../base/words.ts";
import { type FileSystem, joinPath, replaceFile } from "./file-system.ts";

const LINE_BYTES_MAX = 1023;
const INCREMENT_INFIX = ".incr.";
/** What needs no quotes: printable, and neither a blank, a quote nor a backslash. */
const PLAIN_WORD = /^[!#-&(-[\]-~]+$/;

export const BASE = "b";
export const HISTORY = "h";
export const INCREMENT = "i";

/** One file of the log. Names are one character per byte. */
export interface ManifestEntry {
  readonly name: string;
  readonly sequence: number;
  readonly type: typeof BASE | typeof HISTORY | typeof INCREMENT;
  readonly startOffset?: number;
  readonly endOffset?: number;
}

/** The files of a log. Replaced as a whole, never changed in place. */
export interface Manifest {
  readonly base: ManifestEntry | undefined;
  /** In the order in which they are applied. */
  readonly increments: readonly ManifestEntry[];
  readonly history: readonly ManifestEntry[];
}

export const EMPTY_MANIFEST: Manifest = { base: undefined, increments: [], history: [] };

/** A manifest that cannot be used. `lines` is what to tell the operator, most telling last. */
export class ManifestError extends Error {
  override name = "ManifestError";
  readonly lines: string[];

  constructor(reason: string, lineNumber: number, line: string) {
    super(reason);
    this.lines = ["*** FATAL AOF MANIFEST FILE ERROR ***"];
    if (lineNumber > 0) {
      this.lines.push(`Reading the manifest file, at line ${lineNumber}`, `>>> '${line}'`);
    }
    this.lines.push(reason);
  }
}

/** Name of the manifest of a log called `fileName`. */
export function manifestName(fileName: string): string {
  return `${fileName}.manifest`;
}

/** Name of a base. */
export function baseName(fileName: string, sequence: number, isRdb: boolean): string {
  return `${fileName}.${sequence}.base.${isRdb ? "rdb" : "aof"}`;
}

/** Name of an incremental file. */
export function incrementName(fileName: string, sequence: number): string {
  return `${fileName}.${sequence}.incr.aof`;
}

/** Reads a manifest. Throws a ManifestError with Redis's reason. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const text = latin1Text(bytes);
  if (text.length === 0) throw new ManifestError("Found an empty AOF manifest", 0, "");
  let base: ManifestEntry | undefined;
  const increments: ManifestEntry[] = [];
  const history: ManifestEntry[] = [];
  let lineNumber = 0;
  for (let at = 0; at < text.length; ) {
    lineNumber++;
    const newline = text.indexOf("\n", at);
    if (newline < 0 || newline - at >= LINE_BYTES_MAX) {
      const start = text.slice(at, at + LINE_BYTES_MAX);
      throw new ManifestError("The AOF manifest file contains too long line", lineNumber, start);
    }
    const line = text.slice(at, newline).trim();
    at = newline + 1;
    if (line.startsWith("#")) continue;
    const refuse = (reason: string) => new ManifestError(reason, lineNumber, line);
    const entry = parseLine(line, refuse);
    if (entry.type === HISTORY) history.push(entry);
    else if (entry.type === BASE) {
      if (base !== undefined) throw refuse("Found duplicate base file information");
      base = entry;
    } else {
      const previous = increments.at(-1);
      if (previous !== undefined && entry.sequence <= previous.sequence) {
        throw refuse("Found a non-monotonic sequence number");
      }
      increments.push(entry);
    }
  }
  checkHistory(increments, history);
  return { base, increments, history };
}

/** History ends before what is current, and a rewrite makes it of a base, too. */
function checkHistory(
  increments: readonly ManifestEntry[],
  history: readonly ManifestEntry[],
): void {
  const former = history.filter(({ name }) => name.includes(INCREMENT_INFIX));
  if (former.length === 0) return;
  const last = Math.max(...former.map(({ sequence }) => sequence));
  if (increments.length > 0 && increments[0].sequence <= last) {
    throw new ManifestError("Found a non-monotonic sequence number", 0, "");
  }
  if (former.length === history.length) {
    throw new ManifestError("Found former increments without their base", 0, "");
  }
}

function parseLine(line: string, refuse: (reason: string) => ManifestError): ManifestEntry {
  // A zero byte would end the line for `splitWords`, and hide what is behind it.
  const words = line.includes("\0") ? undefined : splitWords(line);
  if (words === undefined || words.length < 6 || words.length % 2 !== 0) {
    throw refuse("Invalid AOF manifest file format");
  }
  let name = "";
  let sequence = 0;
  let type = "";
  const offsets: { startOffset?: number; endOffset?: number } = {};
  const keys = new Set<string>();
  for (let k = 0; k < words.length; k += 2) {
    const key = words[k].toLowerCase();
    if (keys.has(key)) throw refuse("Invalid AOF manifest file format");
    keys.add(key);
    const value = words[k + 1];
    if (key === "file") {
      name = value;
      if (name.includes("/")) throw refuse("File can't be a path, just a filename");
    } else if (key === "seq") sequence = leadingInteger(value);
    else if (key === "type") type = value.slice(0, 1);
    else if (key === "startoffset") offsets.startOffset = leadingInteger(value);
    else if (key === "endoffset") offsets.endOffset = leadingInteger(value);
  }
  if (name === "" || sequence === 0 || type === "") {
    throw refuse("Invalid AOF manifest file format");
  }
  if (type !== BASE && type !== HISTORY && type !== INCREMENT) {
    throw refuse("Unknown AOF file type");
  }
  return { name, sequence, type, ...offsets };
}

/** A decimal number at the start of a text, as C's atoll reads it; 0 where there is none. */
function leadingInteger(text: string): number {
  const negative = text.startsWith("-");
  let value = 0;
  for (let k = negative ? 1 : 0; k < text.length; k++) {
    const digit = text.charCodeAt(k) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return 0;
  }
  return negative ? -value : value;
}

/** Writes a manifest as Redis does: base, history, increments. */
export function formatManifest(manifest: Manifest): Uint8Array {
  const entries = [manifest.base, ...manifest.history, ...manifest.increments];
  let text = "";
  for (const entry of entries) {
    if (entry === undefined) continue;
    text += `file ${asWord(entry.name)} seq ${entry.sequence} type ${entry.type}`;
    if (entry.startOffset !== undefined) text += ` startoffset ${entry.startOffset}`;
    if (entry.endOffset !== undefined) text += ` endoffset ${entry.endOffset}`;
    text += "\n";
  }
  return latin1Bytes(text);
}

/** Quotes a name where it holds anything that would end or change the word. */
function asWord(name: string): string {
  return PLAIN_WORD.test(name) ? name : quoted(name);
}

/** Reads the manifest of a log, or undefined where there is none. */
export function readManifest(
  fileSystem: FileSystem,
  directory: string,
  fileName: string,
): Manifest | undefined {
  const path = joinPath(directory, manifestName(fileName));
  if (!fileSystem.exists(path)) return undefined;
  const file = fileSystem.openRead(path);
  try {
    const bytes = new Uint8Array(file.size());
    let length = 0;
    while (length < bytes.length) {
      const count = file.read(bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return parseManifest(bytes.subarray(0, length));
  } finally {
    file.close();
  }
}

/** Replaces the manifest of a log durably and atomically. */
export async function writeManifest(
  fileSystem: FileSystem,
  directory: string,
  fileName: string,
  manifest: Manifest,
): Promise<void> {
  const content = formatManifest(manifest);
  await replaceFile(fileSystem, directory, manifestName(fileName), content);
}
