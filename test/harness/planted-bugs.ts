// Bugs for crash tests to notice: disks that do less, or in another order, than they are asked to,
// and methods of the server that are replaced.

import {
  type AppendFile,
  directoryOf,
  joinPath,
  type NewFile,
} from "../../src/persistence/file-system.ts";
import { FaultyFileSystem } from "./faulty-file-system.ts";

/** A disk whose files are altered by a planted bug. */
export class AlteredDisk extends FaultyFileSystem {
  readonly #alter: (file: AppendFile, path: string) => Partial<AppendFile>;

  constructor(alter: (file: AppendFile, path: string) => Partial<AppendFile>) {
    super();
    this.#alter = alter;
  }

  override openAppend(path: string): AppendFile {
    const file = super.openAppend(path);
    return { ...file, ...this.#alter(file, path) };
  }

  override create(path: string): NewFile {
    const file = super.create(path);
    const { syncNow, sync } = { ...file, ...this.#alter(file as unknown as AppendFile, path) };
    return { ...file, syncNow, sync };
  }
}

/** Names never survive for certain. */
export class UnsyncedDirectory extends FaultyFileSystem {
  override syncDirectory(): void {}
}

/** A snapshot takes its place with its last bytes still to be put on the disk. */
export class EarlyRename extends FaultyFileSystem {
  override create(path: string): NewFile {
    const file = super.create(path);
    const install = () => {
      if (path.endsWith(".rdb") && this.exists(path)) super.rename(path, "/data/dump.rdb");
    };
    return {
      ...file,
      syncNow: () => {
        install();
        file.syncNow();
      },
      sync: () => {
        install();
        return file.sync();
      },
    };
  }

  override rename(from: string, to: string): void {
    if (this.exists(from)) super.rename(from, to);
  }
}

/** What a rewrite replaces is removed before the manifest does without it. */
export class EarlyRemoval extends FaultyFileSystem {
  override rename(from: string, to: string): void {
    if (to.endsWith(".manifest")) {
      const history = /^file (\S+) seq \d+ type h$/gm;
      for (const [, name] of this.contentOf(from).toString().matchAll(history)) {
        const path = joinPath(directoryOf(to), name);
        if (this.exists(path)) this.remove(path);
      }
    }
    super.rename(from, to);
  }
}

const NO_SYNC: Partial<AppendFile> = { syncNow: () => {}, sync: () => Promise.resolve() };

/** Syncs nothing under paths that contain a text. */
export const unsynced = (text: string) => () =>
  new AlteredDisk((_, path) => (path.includes(text) ? NO_SYNC : {}));

/** Takes failed writes of a log for successful ones. */
export const unnoticedWrites = () =>
  new AlteredDisk((file) => ({
    write: (bytes, start, end) => {
      file.write(bytes, start, end)?.catch(() => {});
      return undefined;
    },
  }));

/** Does something with a method replaced by a planted bug. */
export async function withBug<T extends object, K extends keyof T, R>(
  prototype: T,
  name: K,
  bug: T[K],
  act: () => R | Promise<R>,
): Promise<R> {
  const sound = prototype[name];
  prototype[name] = bug;
  try {
    return await act();
  } finally {
    prototype[name] = sound;
  }
}
