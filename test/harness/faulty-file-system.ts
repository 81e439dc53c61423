// A disk in memory that fails on request and forgets like a real one when the power goes:
//
// - bytes written are visible at once, but survive a power cut only if an fdatasync that began
//   afterwards succeeded; some of the rest may survive as well, up to any byte;
// - after a failed fdatasync the bytes in question count as clean: a later successful one does not
//   bring them back, it leaves zeros where they belong, as Linux does;
// - names survive a power cut only if their directory was synced;
// - a write that fails may have written a part.
//
// Faults come from `fault`, asked before every operation. A sync in the background stays open until
// `finishSyncs` if `holdSyncs` is set.

import type { Random } from "../../src/base/random.ts";
import { randomBelow } from "../../src/base/random.ts";
import {
  type AppendFile,
  directoryOf,
  type FileSystem,
  type ReadFile,
} from "../../src/persistence/file-system.ts";

export type Operation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "make-directory"
  | "sync-directory";

/** The error of a system call. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** A file's content, and what of it is on the disk. */
class Inode {
  visible = Buffer.alloc(0);
  length = 0;
  durable = Buffer.alloc(0);
  /** Bytes from here on have been written since the last sync, successful or not. */
  dirtyFrom = 0;

  get content(): Buffer {
    return this.visible.subarray(0, this.length);
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.visible.length) {
      const larger = Buffer.alloc((this.length + bytes.length) * 2);
      this.content.copy(larger);
      this.visible = larger;
    }
    this.visible.set(bytes, this.length);
    this.length += bytes.length;
  }

  cut(size: number): void {
    this.length = size;
    this.dirtyFrom = Math.min(this.dirtyFrom, size);
  }

  /** Begins a sync: what is dirty counts as clean from now on, whatever comes of it. */
  startSync(): number {
    const from = this.dirtyFrom;
    this.dirtyFrom = this.length;
    return from;
  }

  /**
   * Ends a sync of the bytes from `from` that began when the file was `until` bytes long. Bytes
   * before `from` which an earlier sync failed to write are zeros.
   */
  persist(from: number, until: number): void {
    const end = Math.min(until, this.length);
    const durable = Buffer.alloc(end);
    this.durable.copy(durable, 0, 0, Math.min(from, end));
    if (from < end) this.content.copy(durable, from, from, end);
    this.durable = durable;
  }
}

interface HeldSync {
  finish: () => void;
}

export class FaultyFileSystem implements FileSystem {
  /** Asked before every operation; the name of an errno makes it fail. */
  fault: (operation: Operation, path: string) => string | undefined = () => undefined;
  /** How many of `length` bytes a failing write writes nevertheless. */
  partial: (length: number) => number = () => 0;
  /** Background syncs stay open until `finishSyncs`. */
  holdSyncs = false;
  /** Writes resolve later instead of at once. */
  slowWrites = false;
  /** Called by every blocking sync, to let time pass. */
  onSyncNow: () => void = () => {};
  /** Operations performed so far, failed ones included. */
  readonly counts = new Map<Operation, number>();

  #entries = new Map<string, Inode>();
  #durableEntries = new Map<string, Inode>();
  #directories = new Set<string>(["/"]);
  #held: HeldSync[] = [];

  /** Puts a file on the disk, durably. */
  put(path: string, content: Uint8Array): void {
    const inode = new Inode();
    inode.append(content);
    inode.persist(inode.startSync(), content.length);
    this.#entries.set(path, inode);
    this.#durableEntries.set(path, inode);
    for (let at = directoryOf(path); at !== "/" && at !== "."; at = directoryOf(at)) {
      this.#directories.add(at);
    }
  }

  /** What reading the file gives. */
  contentOf(path: string): Buffer {
    return Buffer.from(this.#inode(path).content);
  }

  /** What surely survives a power cut. */
  durableContentOf(path: string): Buffer {
    return Buffer.from(this.#inode(path).durable);
  }

  get paths(): string[] {
    return [...this.#entries.keys()].sort();
  }

  get openSyncs(): number {
    return this.#held.length;
  }

  /** Lets the syncs that are open come to their end. */
  finishSyncs(): void {
    const held = this.#held;
    this.#held = [];
    for (const { finish } of held) finish();
  }

  /** The process dies, the system lives: everything written is there. */
  killProcess(): FaultyFileSystem {
    const survivor = new FaultyFileSystem();
    for (const [path, inode] of this.#entries) survivor.put(path, inode.content);
    for (const path of this.#directories) survivor.#directories.add(path);
    return survivor;
  }

  /** The power goes. Unsynced bytes are lost or torn at random. */
  cutPower(random: Random): FaultyFileSystem {
    const survivor = new FaultyFileSystem();
    for (const path of this.#directories) survivor.#directories.add(path);
    // Directory changes that were not synced are there or not.
    const entries = randomBelow(random, 2) === 0 ? this.#entries : this.#durableEntries;
    for (const [path, inode] of entries) survivor.put(path, tornContent(inode, random));
    return survivor;
  }

  exists(path: string): boolean {
    return this.#entries.has(path) || this.#directories.has(path);
  }

  isDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  list(path: string): string[] {
    const names: string[] = [];
    for (const entry of [...this.#entries.keys(), ...this.#directories]) {
      if (entry !== path && directoryOf(entry) === path) names.push(entry.slice(path.length + 1));
    }
    return names.sort();
  }

  makeDirectory(path: string): void {
    this.#attempt("make-directory", path);
    this.#directories.add(path);
  }

  openRead(path: string): ReadFile {
    this.#attempt("open", path);
    const inode = this.#inode(path);
    return {
      size: () => inode.length,
      read: (target, offset, length, position) => {
        this.#attempt("read", path);
        return inode.content.copy(target, offset, position, position + length);
      },
      close: () => {},
    };
  }

  openAppend(path: string): AppendFile {
    this.#attempt("open", path);
    if (!this.#directories.has(directoryOf(path))) throw systemError("ENOENT");
    let inode = this.#entries.get(path);
    if (inode === undefined) {
      inode = new Inode();
      this.#entries.set(path, inode);
    }
    return this.#appendFile(path, inode);
  }

  rename(from: string, to: string): void {
    this.#attempt("rename", from);
    this.#entries.set(to, this.#inode(from));
    this.#entries.delete(from);
  }

  remove(path: string): void {
    this.#attempt("remove", path);
    this.#inode(path);
    this.#entries.delete(path);
  }

  syncDirectory(path: string): void {
    this.#attempt("sync-directory", path);
    for (const entry of this.#durableEntries.keys()) {
      if (directoryOf(entry) === path) this.#durableEntries.delete(entry);
    }
    for (const [entry, inode] of this.#entries) {
      if (directoryOf(entry) === path) this.#durableEntries.set(entry, inode);
    }
  }

  async syncDirectoryInBackground(path: string): Promise<void> {
    await Promise.resolve();
    this.syncDirectory(path);
  }

  #inode(path: string): Inode {
    const inode = this.#entries.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    return inode;
  }

  #attempt(operation: Operation, path: string): void {
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    const code = this.fault(operation, path);
    if (code !== undefined) throw systemError(code);
  }

  #appendFile(path: string, inode: Inode): AppendFile {
    const write = (bytes: Uint8Array, start: number, end: number): void => {
      try {
        this.#attempt("write", path);
      } catch (error) {
        inode.append(bytes.subarray(start, start + this.partial(end - start)));
        throw error;
      }
      inode.append(bytes.subarray(start, end));
    };
    return {
      size: () => inode.length,
      write: (bytes, start, end) => {
        try {
          if (this.slowWrites) return Promise.resolve().then(() => write(bytes, start, end));
          write(bytes, start, end);
          return undefined;
        } catch (error) {
          return Promise.reject(error);
        }
      },
      syncNow: () => {
        this.onSyncNow();
        const from = inode.startSync();
        this.#attempt("sync", path);
        inode.persist(from, inode.length);
      },
      sync: () => this.#syncLater(path, inode),
      truncate: (size) => {
        this.#attempt("truncate", path);
        if (size > inode.length) throw new Error("the file is shorter than it should be");
        inode.cut(size);
      },
      close: () => {},
    };
  }

  #syncLater(path: string, inode: Inode): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const until = inode.length;
    const from = inode.startSync();
    const finish = () => {
      try {
        this.#attempt("sync", path);
        inode.persist(from, until);
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    if (this.holdSyncs) this.#held.push({ finish });
    else queueMicrotask(finish);
    return promise;
  }
}

function tornContent(inode: Inode, random: Random): Buffer {
  const { durable, content } = inode;
  const same = Math.min(durable.length, content.length);
  // A cut that was not synced may not have happened.
  if (!durable.subarray(0, same).equals(content.subarray(0, same))) return durable;
  if (content.length <= durable.length) {
    return randomBelow(random, 2) === 0 ? durable : content;
  }
  const extra = randomBelow(random, content.length - durable.length + 1);
  return content.subarray(0, durable.length + extra);
}
