// The configuration's files on the real disk.

import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import type { ConfigFiles } from "../config/files.ts";
import { systemErrorText } from "../persistence/file-system.ts";

/** Rethrows a system error with the C library's text, keeping its code. */
function explain<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    throw Object.assign(new Error(systemErrorText(error)), { code });
  }
}

function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Configuration files, for a process started in `startDirectory`. */
export function diskConfigFiles(startDirectory: string): ConfigFiles {
  return {
    startDirectory,
    directory: (path, from) =>
      explain(() => {
        const full = realpathSync(resolve(from, path));
        if (statSync(full).isDirectory()) return full;
        throw Object.assign(new Error(), { code: "ENOTDIR" });
      }),
    read: (path) => explain(() => readFileSync(path)),
    writeAtomically: (path, bytes) =>
      explain(() => {
        const temporary = `${path}.${process.pid}.tmp`;
        writeFileSync(temporary, bytes);
        syncPath(temporary);
        renameSync(temporary, path);
        syncPath(dirname(path));
      }),
    names: (directory) => {
      try {
        return readdirSync(directory);
      } catch {
        return [];
      }
    },
  };
}
