// The disk. The only module that touches it, and the only one that may promise durability.
//
// Files are appended to through `Bun.file(fd).writer()` (a FileSink) on a descriptor opened in
// append mode. What was measured on Bun 1.4.5, and what follows from it:
//
// - A sink opened by path starts at byte 0 and overwrites: "0123456789" became "AB23456789". On a
//   descriptor opened with "a" the kernel puts every write at the end, also after ftruncate.
// - On a full disk `write` returns a promise that is rejected already (on /dev/full `flush` throws
//   instead); part of the bytes is in the file, the rest is dropped, and the next `flush` returns 0
//   as if all were well. So the caller keeps its bytes, and success is the length of the file
//   alone. An unobserved rejection would end the process: both promises are always awaited or
//   silenced.
// - On a healthy regular file `write` and `flush` complete before they return, as numbers.
// - `flush` never syncs. `end` does not close a descriptor that the sink was given by number.
// - fstat costs 0.5 us, a write of 100 bytes 0.9 us (fs.writeSync: 0.8 us), so proving every write
//   by the length is affordable.
// - fdatasync of 3 KB on ext4: 0.16 ms blocking, 0.17 ms in the thread pool of an idle process.
// - Giving back the blocks of a file takes 45 ms per 250 MB, in whichever call drops the last
//   reference: unlink, a rename onto it, or close. So a descriptor is held across the first two,
//   and all descriptors are closed in the thread pool.
// - `fs.writeSync` may write short without an error (1,040,384 of 2,000,000 bytes) and only then
//   throw, and so may `fs.write`, which is why both are called until nothing is left.
// - While others saturate the disk a write of 256 KB takes 40 to 220 ms, in whichever thread: what
//   may be large is written in the thread pool. That has two threads on a machine with two
//   processors, so whoever writes much has one operation under way there, not more: the log's sync
//   needs the other thread.

import * as fs from "node:fs";
import type { FileSink } from "bun";
import {
  type AppendFile,
  type FileSystem,
  type NewFile,
  type ReadFile,
  SharedFileError,
} from "./file-system.ts";

/** Above this many bytes the sink writes at once instead of collecting. */
const SINK_BUFFER_BYTES = 64 * 1024;

/** What can be done to a descriptor in the thread pool. */
class Descriptor {
  readonly number: number;
  /** Operations in the thread pool. The number must not become another file's meanwhile. */
  #underWay = 0;
  #isClosed = false;

  constructor(number: number) {
    this.number = number;
  }

  /** Writes everything at a place, or at the end where that is null. */
  async write(
    bytes: Uint8Array,
    start: number,
    end: number,
    position: number | null,
  ): Promise<void> {
    for (let at = start; at < end; ) {
      const [from, place] = [at, position === null ? null : position + at - start];
      at += await this.#inPool((settle) => {
        fs.write(this.number, bytes, from, end - from, place, settle);
      });
    }
  }

  async sync(): Promise<void> {
    await this.#inPool((settle) => fs.fdatasync(this.number, (error) => settle(error, 0)));
  }

  #inPool(begin: (settle: (error: Error | null, result: number) => void) => void): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (this.#isClosed) {
      reject(new Error("The file is closed"));
      return promise;
    }
    this.#underWay++;
    begin((error, result) => {
      this.#underWay--;
      if (this.#isClosed && this.#underWay === 0) closeInBackground(this.number);
      if (error) reject(error);
      else resolve(result);
    });
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#underWay === 0) closeInBackground(this.number);
  }
}

class DiskAppendFile implements AppendFile {
  readonly #descriptor: Descriptor;
  readonly #sink: FileSink;
  /** Length the file must have if nobody else touched it. */
  #length: number;

  constructor(path: string) {
    this.#descriptor = new Descriptor(fs.openSync(path, "a", 0o644));
    this.#length = this.size();
    this.#sink = Bun.file(this.#descriptor.number).writer({ highWaterMark: SINK_BUFFER_BYTES });
  }

  size(): number {
    return fs.fstatSync(this.#descriptor.number).size;
  }

  write(bytes: Uint8Array, start: number, end: number): Promise<void> | undefined {
    const expected = this.#length + (end - start);
    try {
      const written = this.#sink.write(bytes.subarray(start, end));
      if (typeof written !== "number") return this.#settle(written, expected);
      const flushed = this.#sink.flush();
      if (typeof flushed !== "number") return this.#settle(flushed, expected);
      this.#prove(expected);
      return undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async writeInBackground(bytes: Uint8Array, start: number, end: number): Promise<void> {
    const expected = this.#length + (end - start);
    await this.#descriptor.write(bytes, start, end, null);
    this.#prove(expected);
  }

  /** Waits for a promise of the sink, flushes once more and proves the length. */
  async #settle(pending: number | Promise<number>, expected: number): Promise<void> {
    await pending;
    await this.#sink.flush();
    this.#prove(expected);
  }

  #prove(expected: number): void {
    const size = this.size();
    if (size < this.#length || size > expected) {
      throw new SharedFileError(
        `Another process writes to the file: ${size} bytes where ${expected} were written`,
      );
    }
    if (size < expected) throw shortWrite(size - this.#length, expected - this.#length);
    this.#length = expected;
  }

  syncNow(): void {
    fs.fdatasyncSync(this.#descriptor.number);
  }

  sync(): Promise<void> {
    return this.#descriptor.sync();
  }

  truncate(size: number): void {
    const current = this.size();
    if (current < size) {
      throw new Error(`The file has ${current} bytes where ${size} were written`);
    }
    if (current > size) fs.ftruncateSync(this.#descriptor.number, size);
    this.#length = size;
  }

  close(): void {
    // Whatever the sink still holds failed before and is the caller's to write again elsewhere.
    Promise.resolve(this.#sink.end()).catch(() => {});
    this.#descriptor.close();
  }
}

function shortWrite(written: number, expected: number): Error {
  const error = new Error(`Short write: ${written} of ${expected} bytes`);
  return Object.assign(error, { code: "ENOSPC" });
}

class DiskNewFile implements NewFile {
  readonly #descriptor: Descriptor;

  constructor(path: string) {
    this.#descriptor = new Descriptor(fs.openSync(path, "wx", 0o644));
  }

  size(): number {
    return fs.fstatSync(this.#descriptor.number).size;
  }

  write(bytes: Uint8Array, start: number, end: number, position: number): Promise<void> {
    return this.#descriptor.write(bytes, start, end, position);
  }

  writeNow(bytes: Uint8Array, start: number, end: number, position: number): void {
    for (let at = start; at < end; ) {
      const place = position + at - start;
      at += fs.writeSync(this.#descriptor.number, bytes, at, end - at, place);
    }
  }

  syncNow(): void {
    fs.fdatasyncSync(this.#descriptor.number);
  }

  sync(): Promise<void> {
    return this.#descriptor.sync();
  }

  close(): void {
    this.#descriptor.close();
  }
}

class DiskReadFile implements ReadFile {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = fs.openSync(path, "r");
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return fs.readSync(this.#descriptor, target, offset, length, position);
  }

  close(): void {
    closeInBackground(this.#descriptor);
  }
}

function closeInBackground(descriptor: number): void {
  // Whatever was to be promised of the file was promised before.
  fs.close(descriptor, () => {});
}

/** Takes a path's name away from its file, if there is one, whose blocks are given back later. */
function unname(path: string, act: () => void): void {
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch {
    // There is none, or it may not be read: then this takes as long as it takes.
  }
  try {
    act();
  } finally {
    if (descriptor !== undefined) closeInBackground(descriptor);
  }
}

/** The machine's file system. */
export const diskFileSystem: FileSystem = {
  exists: (path) => fs.existsSync(path),
  isDirectory: (path) => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  list: (path) => fs.readdirSync(path),
  makeDirectory: (path) => {
    if (!fs.existsSync(path)) fs.mkdirSync(path, 0o755);
  },
  openRead: (path) => new DiskReadFile(path),
  openAppend: (path) => new DiskAppendFile(path),
  create: (path) => new DiskNewFile(path),
  rename: (from, to) => unname(to, () => fs.renameSync(from, to)),
  remove: (path) => unname(path, () => fs.unlinkSync(path)),
  syncDirectory: (path) => {
    const descriptor = fs.openSync(path, "r");
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  syncDirectoryInBackground: async (path) => {
    const handle = await fs.promises.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
