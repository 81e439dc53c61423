// A disk in memory that fails on request and forgets like a real one when the power goes:
//
// - bytes written are visible at once, but survive a power cut only if an fdatasync that began
//   afterwards succeeded; some of the rest may survive as well, up to any byte;
// - after a failed fdatasync the bytes in question count as clean: a later successful one does not
//   bring them back, it leaves zeros where they belong, as Linux does;
// - names survive a power cut only if their directory was synced; of what was done to the names of
//   a directory since, a beginning may survive as well, of each directory's on its own;
// - a write that fails may have written a part.
//
// Faults come from `fault`, asked before every operation; `observe` is told of every operation
// before, amid (a part of a write has been written) and after it. What is done in the background is
// done in a later turn, or stays open: a sync until `finishSyncs` if `holdSyncs` is set, a write
// until `finishWrites` if `holdWrites` is.

import type { Random } from "../../src/base/random.ts";
import { randomBelow } from "../../src/base/random.ts";
import {
  type AppendFile,
  directoryOf,
  type FileSystem,
  type NewFile,
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
  /** Where bytes begin that are lost though others behind them are on the disk. */
  #holeStart = Number.POSITIVE_INFINITY;
  /** Bytes from here on have been written since the last sync, successful or not. */
  dirtyFrom = 0;

  get content(): Buffer {
    return this.visible.subarray(0, this.length);
  }

  get hasHole(): boolean {
    return this.#holeStart < this.durable.length;
  }

  /** The same, as the system has it that outlives a process; what was being synced still is to. */
  copy(): Inode {
    const copy = new Inode();
    copy.append(this.content);
    copy.durable = this.durable;
    copy.dirtyFrom = Math.min(this.durable.length, this.length);
    return copy;
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

  /** Writes at a place, which may lie behind the end. */
  put(position: number, bytes: Uint8Array): void {
    const behind = position + bytes.length - this.length;
    if (behind > 0) this.append(new Uint8Array(behind));
    this.visible.set(bytes, position);
    this.dirtyFrom = Math.min(this.dirtyFrom, position);
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
    if (from <= this.#holeStart) this.#holeStart = Number.POSITIVE_INFINITY;
    if (from > this.durable.length && end > this.durable.length) {
      this.#holeStart = Math.min(this.#holeStart, this.durable.length);
    }
    const durable = Buffer.alloc(end);
    this.durable.copy(durable, 0, 0, Math.min(from, end));
    if (from < end) this.content.copy(durable, from, from, end);
    this.durable = durable;
  }
}

/** When `observe` is called. */
export type Phase = "before" | "amid" | "after";

/** What was done to the names of a directory, at once. */
interface NameChange {
  readonly directory: string;
  /** Where a file was moved from another directory: that one; it is one change to both. */
  readonly source: string;
  /** Names with what they stand for, undefined where nothing. */
  readonly names: readonly (readonly [string, Inode | undefined])[];
}

/** The files of a disk, to look at before anything is done to it. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Those where bytes are missing before others, since a sync failed. */
  readonly holed: ReadonlySet<string>;
  readonly directories: ReadonlySet<string>;
}

export class FaultyFileSystem implements FileSystem {
  /** Asked before every operation; the name of an errno makes it fail. */
  fault: (operation: Operation, path: string) => string | undefined = () => undefined;
  /** How many of `length` bytes a failing write writes nevertheless. */
  partial: (length: number) => number = () => 0;
  /** Background syncs stay open until `finishSyncs`. */
  holdSyncs = false;
  /** Background writes stay open until `finishWrites`. */
  holdWrites = false;
  /** Writes resolve later instead of at once. */
  slowWrites = false;
  /** Called by every blocking sync, to let time pass. */
  onSyncNow: () => void = () => {};
  /** Told of every operation; not of reading. */
  observe: (phase: Phase, operation: Operation, path: string) => void = () => {};
  /** Operations performed so far, failed ones included. */
  readonly counts = new Map<Operation, number>();

  #entries = new Map<string, Inode>();
  #durableEntries = new Map<string, Inode>();
  #directories = new Set<string>(["/"]);
  /** Directories that do not survive a power cut yet. */
  #freshDirectories = new Set<string>();
  /** Changes of names that were not synced. */
  #changes: NameChange[] = [];
  #heldSyncs: (() => void)[] = [];
  #heldWrites: (() => void)[] = [];

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
    return this.#heldSyncs.length;
  }

  get openWrites(): number {
    return this.#heldWrites.length;
  }

  /** Lets the syncs that are open come to their end. */
  finishSyncs(): void {
    const held = this.#heldSyncs;
    this.#heldSyncs = [];
    for (const finish of held) finish();
  }

  /** Lets the background writes that are open come to their end. */
  finishWrites(): void {
    const held = this.#heldWrites;
    this.#heldWrites = [];
    for (const finish of held) finish();
  }

  /** A disk that holds what an image shows, durably. */
  static from(image: DiskImage): FaultyFileSystem {
    const disk = new FaultyFileSystem();
    for (const [path, content] of image.files) disk.put(path, content);
    for (const path of image.directories) disk.#directories.add(path);
    return disk;
  }

  /** The process dies, the system lives: everything written is there. */
  killProcess(): FaultyFileSystem {
    return FaultyFileSystem.from(this.imageOfKill());
  }

  /** As `killProcess`, with what is not on the disk still to be put there; no sync has failed. */
  outliveProcess(): FaultyFileSystem {
    const disk = new FaultyFileSystem();
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const copy = copies.get(inode) ?? inode.copy();
      copies.set(inode, copy);
      return copy;
    };
    for (const [path, inode] of this.#entries) disk.#entries.set(path, copyOf(inode));
    for (const [path, inode] of this.#durableEntries) disk.#durableEntries.set(path, copyOf(inode));
    disk.#changes = this.#changes.map(({ directory, source, names }) => ({
      directory,
      source,
      names: names.map(([name, inode]) => [name, inode && copyOf(inode)] as const),
    }));
    disk.#directories = new Set(this.#directories);
    disk.#freshDirectories = new Set(this.#freshDirectories);
    return disk;
  }

  /** The power goes. Unsynced bytes are lost or torn at random. */
  cutPower(random: Random): FaultyFileSystem {
    return FaultyFileSystem.from(this.imageOfPowerCut(random));
  }

  /** As `killProcess`, good until the next operation. */
  imageOfKill(): DiskImage {
    const files = new Map<string, Buffer>();
    for (const [path, inode] of this.#entries) files.set(path, inode.content);
    return { files, holed: new Set(), directories: this.#directories };
  }

  /** As `cutPower`, good until the next operation. */
  imageOfPowerCut(random: Random): DiskImage {
    const entries = new Map(this.#durableEntries);
    const survivors = new Map<string, number>();
    for (const { directory, names } of this.#changes) {
      const left = survivors.get(directory) ?? this.#survivingChanges(directory, random);
      survivors.set(directory, left - 1);
      if (left > 0) rename(entries, names);
    }
    const directories = new Set(this.#directories);
    for (const path of this.#freshDirectories) {
      if (randomBelow(random, 2) === 0) directories.delete(path);
    }
    const files = new Map<string, Buffer>();
    const holed = new Set<string>();
    for (const [path, inode] of entries) {
      if (!directories.has(directoryOf(path))) continue;
      files.set(path, tornContent(inode, random));
      if (inode.hasHole) holed.add(path);
    }
    return { files, holed, directories };
  }

  /** How many of the changes to a directory that were not synced survive: none, all, or some. */
  #survivingChanges(directory: string, random: Random): number {
    const count = this.#changes.filter((change) => change.directory === directory).length;
    const choice = randomBelow(random, 3);
    return choice === 0 ? 0 : choice === 1 ? count : randomBelow(random, count + 1);
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
    this.#attempt("make-directory", path, () => {
      if (!this.#directories.has(path)) this.#freshDirectories.add(path);
      this.#directories.add(path);
    });
  }

  openRead(path: string): ReadFile {
    this.#mayFail("open", path);
    const inode = this.#inode(path);
    return {
      size: () => inode.length,
      read: (target, offset, length, position) => {
        this.#mayFail("read", path);
        return inode.content.copy(target, offset, position, position + length);
      },
      close: () => {},
    };
  }

  openAppend(path: string): AppendFile {
    if (!this.#directories.has(directoryOf(path))) throw systemError("ENOENT");
    const existing = this.#entries.get(path);
    const inode = existing ?? new Inode();
    if (existing !== undefined) this.#mayFail("open", path);
    else this.#attempt("open", path, () => this.#change([path, inode]));
    return this.#appendFile(path, inode);
  }

  create(path: string): NewFile {
    if (!this.#directories.has(directoryOf(path))) throw systemError("ENOENT");
    if (this.exists(path)) throw systemError("EEXIST");
    const inode = new Inode();
    this.#attempt("open", path, () => this.#change([path, inode]));
    const { size, sync, syncNow, close } = this.#appendFile(path, inode);
    const writeNow = (bytes: Uint8Array, start: number, end: number, position: number) => {
      this.#write(path, bytes.subarray(start, end), (part, offset) => {
        inode.put(position + offset, part);
      });
    };
    const write = (...range: Parameters<typeof writeNow>) => {
      const act = () => writeNow(...range);
      return this.#later(act, this.holdWrites ? this.#heldWrites : undefined);
    };
    return { size, sync, syncNow, close, write, writeNow };
  }

  /** Does something in the background; kept open in a list, if any. */
  #later(act: () => void, held: (() => void)[] | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const finish = () => {
      try {
        act();
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    if (held !== undefined) held.push(finish);
    else queueMicrotask(finish);
    return promise;
  }

  /** Writes in two parts, between which much can happen, or the first one alone. */
  #write(path: string, bytes: Uint8Array, put: (part: Uint8Array, offset: number) => void): void {
    this.observe("before", "write", path);
    const middle = this.partial(bytes.length);
    try {
      this.#mayFail("write", path);
    } catch (error) {
      put(bytes.subarray(0, middle), 0);
      throw error;
    }
    put(bytes.subarray(0, middle), 0);
    if (middle < bytes.length) this.observe("amid", "write", path);
    put(bytes.subarray(middle), middle);
    this.observe("after", "write", path);
  }

  rename(from: string, to: string): void {
    this.#attempt("rename", from, () => {
      const inode = this.#inode(from);
      this.#change([to, inode], [from, undefined]);
    });
  }

  remove(path: string): void {
    this.#attempt("remove", path, () => {
      this.#inode(path);
      this.#change([path, undefined]);
    });
  }

  #change(...names: (readonly [string, Inode | undefined])[]): void {
    rename(this.#entries, names);
    const directory = directoryOf(names[0][0]);
    this.#changes.push({ directory, source: directoryOf(names.at(-1)![0]), names });
  }

  syncDirectory(path: string): void {
    const isOf = ({ directory, source }: NameChange) => directory === path || source === path;
    this.#attempt("sync-directory", path, () => {
      for (const change of this.#changes) {
        if (isOf(change)) rename(this.#durableEntries, change.names);
      }
      this.#changes = this.#changes.filter((change) => !isOf(change));
      for (const fresh of this.#freshDirectories) {
        if (directoryOf(fresh) === path) this.#freshDirectories.delete(fresh);
      }
    });
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

  #mayFail(operation: Operation, path: string): void {
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    const code = this.fault(operation, path);
    if (code !== undefined) throw systemError(code);
  }

  /** Does what changes the disk, unless that is to fail. */
  #attempt(operation: Operation, path: string, act: () => void): void {
    this.observe("before", operation, path);
    this.#mayFail(operation, path);
    act();
    this.observe("after", operation, path);
  }

  #appendFile(path: string, inode: Inode): AppendFile {
    const write = (bytes: Uint8Array, start: number, end: number): void => {
      this.#write(path, bytes.subarray(start, end), (part) => inode.append(part));
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
      writeInBackground: (bytes, start, end) => {
        const act = () => write(bytes, start, end);
        return this.#later(act, this.holdWrites ? this.#heldWrites : undefined);
      },
      syncNow: () => {
        this.onSyncNow();
        const from = inode.startSync();
        this.#attempt("sync", path, () => inode.persist(from, inode.length));
      },
      sync: () => this.#syncLater(path, inode),
      truncate: (size) => {
        this.#attempt("truncate", path, () => {
          if (size > inode.length) throw new Error("the file is shorter than it should be");
          inode.cut(size);
        });
      },
      close: () => {},
    };
  }

  #syncLater(path: string, inode: Inode): Promise<void> {
    const until = inode.length;
    const from = inode.startSync();
    const act = () => this.#attempt("sync", path, () => inode.persist(from, until));
    return this.#later(act, this.holdSyncs ? this.#heldSyncs : undefined);
  }
}

function rename(entries: Map<string, Inode>, names: NameChange["names"]): void {
  for (const [name, inode] of names) {
    if (inode === undefined) entries.delete(name);
    else entries.set(name, inode);
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
