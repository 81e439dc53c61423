// A file system in memory for the tests of configuration. Every path that does not start with
// /missing is an existing directory.

import { resolve } from "node:path";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import type { ConfigFiles } from "../../../src/config/files.ts";

/** An error as the file system reports it. */
export class FileError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class MemoryFiles implements ConfigFiles {
  readonly startDirectory = "/start";
  /** Contents with one character per byte, by absolute path. */
  readonly contents: Map<string, string>;
  /** Thrown by every write when set. */
  writeError: FileError | undefined;

  constructor(contents: Record<string, string> = {}) {
    this.contents = new Map(Object.entries(contents));
  }

  directory(path: string, from: string): string {
    const found = resolve(from, path);
    if (path === "" || found.startsWith("/missing")) throw missing();
    return found;
  }

  read(path: string): Uint8Array {
    const text = this.contents.get(path);
    if (text === undefined) throw missing();
    return latin1Bytes(text);
  }

  writeAtomically(path: string, bytes: Uint8Array): void {
    if (this.writeError) throw this.writeError;
    this.contents.set(path, latin1Text(bytes));
  }

  names(directory: string): readonly string[] {
    const prefix = directory === "/" ? "/" : `${directory}/`;
    const inside = [...this.contents.keys()].filter((path) => path.startsWith(prefix));
    return [...new Set(inside.map((path) => path.slice(prefix.length).split("/")[0]))];
  }
}

function missing(): FileError {
  return new FileError("ENOENT", "No such file or directory");
}
