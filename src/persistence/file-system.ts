// The file system as persistence sees it. `file.ts` implements it on the real disk and is the only
// module that touches one; tests put a disk in its place that fails, tears and forgets.
//
// Every method throws (or rejects with) the system's error, whose `code` is the errno's name.

/** A file that only ever grows at its end, or is cut back. */
export interface AppendFile {
  /** The length the system reports. */
  size(): number;
  /**
   * Hands `bytes[start, end)` to the operating system. Undefined means that all of them are in the
   * file, proved by its length; otherwise the promise resolves once that is so. If it rejects, any
   * part of them may be in the file: cut it back before writing again, but for a SharedFileError,
   * with which the file is another process's as well. The range must stay as it
   * is until then, and no second write may begin. Never throws. Says nothing about the disk.
   */
  write(bytes: Uint8Array, start: number, end: number): Promise<void> | undefined;
  /** As `write`, in the thread pool: for when a disk that is behind must not be waited for. */
  writeInBackground(bytes: Uint8Array, start: number, end: number): Promise<void>;
  /** Blocks until everything written is on the disk (fdatasync). */
  syncNow(): void;
  /** As `syncNow`, in the thread pool. Covers what was written before the call. */
  sync(): Promise<void>;
  /** Cuts the file back to `size` bytes. Never makes it longer: that would be a hole. */
  truncate(size: number): void;
  close(): void;
}

/**
 * A file that was created and is written once, each part at its place and in whatever order. The
 * parts go there in the thread pool, so that nobody waits for a disk that is behind.
 */
export interface NewFile {
  /** The length the system reports. */
  size(): number;
  /**
   * Puts `bytes[start, end)` at `position`, in the thread pool. Resolves once all of them are in
   * the file, which says nothing about the disk. The range must stay as it is until then.
   */
  write(bytes: Uint8Array, start: number, end: number, position: number): Promise<void>;
  /** As `write`, blocking; others may be under way. */
  writeNow(bytes: Uint8Array, start: number, end: number, position: number): void;
  /** As `sync`, blocking. */
  syncNow(): void;
  /** Has everything written before the call put on the disk (fdatasync), in the thread pool. */
  sync(): Promise<void>;
  /** What is under way comes to its end first, unless it can be called off, and is rejected. */
  close(): void;
}

/** A file has a length that it cannot have unless another process writes to it, too. */
export class SharedFileError extends Error {
  override name = "SharedFileError";
}

/** A file open for reading. */
export interface ReadFile {
  size(): number;
  /**
   * Reads up to `length` bytes at `position` into `target[offset...]`; returns how many, 0 at the
   * end.
   */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  close(): void;
}

/** What persistence needs of a disk. Paths are absolute or relative to the process. */
export interface FileSystem {
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** The names in a directory. */
  list(path: string): string[];
  /** Creates one directory; does nothing where it exists. */
  makeDirectory(path: string): void;
  openRead(path: string): ReadFile;
  /** Opens for appending; creates the file where it is missing. */
  openAppend(path: string): AppendFile;
  /** Creates a file, which must not be there. */
  create(path: string): NewFile;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in a directory survive a power cut. */
  syncDirectory(path: string): void;
  /** As `syncDirectory`, in the thread pool. */
  syncDirectoryInBackground(path: string): Promise<void>;
}

const ERROR_TEXTS = new Map([
  ["EACCES", "Permission denied"],
  ["EDQUOT", "Disk quota exceeded"],
  ["EEXIST", "File exists"],
  ["EFBIG", "File too large"],
  ["EINVAL", "Invalid argument"],
  ["EIO", "Input/output error"],
  ["EISDIR", "Is a directory"],
  ["EMFILE", "Too many open files"],
  ["ENFILE", "Too many open files in system"],
  ["ENOENT", "No such file or directory"],
  ["ENOMEM", "Cannot allocate memory"],
  ["ENOSPC", "No space left on device"],
  ["ENOTDIR", "Not a directory"],
  ["EPERM", "Operation not permitted"],
  ["EROFS", "Read-only file system"],
  ["ETIMEDOUT", "Connection timed out"],
]);

/** What the C library calls an error: the texts that operators and tests know. */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return (typeof code === "string" && ERROR_TEXTS.get(code)) || error.message;
}

/** Joins a directory and a name with one slash. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** The directory part of a path; "." where it has none. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}

/**
 * Replaces a small file as a whole: after a crash either the old or the new content is there,
 * never a mixture. Writes a temporary file beside it, syncs it, renames it over, syncs the
 * directory.
 */
export async function replaceFile(
  fileSystem: FileSystem,
  directory: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const temporary = joinPath(directory, `temp-${name}`);
  if (fileSystem.exists(temporary)) fileSystem.remove(temporary);
  const file = fileSystem.openAppend(temporary);
  try {
    await file.write(content, 0, content.length);
    await file.sync();
  } finally {
    file.close();
  }
  fileSystem.rename(temporary, joinPath(directory, name));
  await fileSystem.syncDirectoryInBackground(directory);
}
