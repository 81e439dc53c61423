// The rewrite of a log that is one plain file: effects go on to the old file meanwhile, and what
// was appended since the snapshot began is copied behind it, the last piece while nothing is
// appended. Then the new file takes the old one's name.

import type { AppendOnlyFile, Successor } from "./aof.ts";
import { type AppendFile, directoryOf, type FileSystem, type ReadFile } from "./file-system.ts";

const PIECE_BYTES = 1 << 20;
/** So little is copied in one go. */
const LAST_BYTES_MAX = 1 << 16;

/** Where from, and where to. */
export interface TailCopyPlaces {
  readonly fileSystem: FileSystem;
  /** The file that is appended to. */
  readonly source: string;
  /** The base, complete. */
  readonly base: string;
  /** The name that the log is to have. */
  readonly path: string;
}

/**
 * Has a log go on in the file `base`, behind a copy of what it holds from `start` on. Rejects with
 * the system's error; then the log goes on where it was.
 */
export async function moveBehindBase(
  aof: AppendOnlyFile,
  places: TailCopyPlaces,
  start: number,
  onReady: () => void,
): Promise<void> {
  const { fileSystem, source, base } = places;
  const from = fileSystem.openRead(source);
  const to = fileSystem.openAppend(base);
  let isAdopted = false;
  try {
    let at = start;
    while (aof.size - at > LAST_BYTES_MAX) {
      const piece = readPiece(from, at, Math.min(PIECE_BYTES, aof.size - at));
      await to.write(piece, 0, piece.length);
      at += piece.length;
      await to.sync();
    }
    await to.sync();
    const exchanged = aof.exchange((size) => {
      const successor = succeed(places, to, readPiece(from, at, size - at));
      isAdopted = true;
      return successor;
    });
    onReady();
    await exchanged;
  } finally {
    from.close();
    if (!isAdopted) to.close();
  }
}

function readPiece(file: ReadFile, at: number, length: number): Uint8Array {
  const piece = new Uint8Array(length);
  let count = 0;
  while (count < length) {
    const read = file.read(piece, count, length - count, at + count);
    if (read === 0) throw new Error("The file became shorter while it was read");
    count += read;
  }
  return piece;
}

/** Completes the new file and gives it its name. */
function succeed(places: TailCopyPlaces, file: AppendFile, rest: Uint8Array): Successor {
  const { fileSystem, base, path } = places;
  if (rest.length > 0) {
    const written = file.write(rest, 0, rest.length);
    if (written !== undefined) {
      // On a healthy disk it is through on return; what becomes of it is of no interest.
      written.catch(() => {});
      throw Object.assign(new Error("The disk takes no more"), { code: "ENOSPC" });
    }
    file.syncNow();
  }
  fileSystem.rename(base, path);
  try {
    fileSystem.syncDirectory(directoryOf(path));
  } catch (error) {
    return { file, error };
  }
  return { file, error: undefined };
}
