// Where an append-only file lives and which files make it up, at start-up and through rewrites:
//
// - `--aof PATH`: the one plain file PATH, nothing else;
// - otherwise Redis 7's layout: `appenddirname/` in the data directory with a manifest. A file of
//   the old layout (`appendfilename` directly in the data directory) is moved in as the base, by
//   Redis's rule and safely repeatable if the process dies half-way.
//
// A rewrite adds an increment, has the log pass to it, and replaces what is before it by a new base
// (`createIncrement`, `addIncrement`, `install`). Whatever fails, every manifest that may be on the
// disk names a whole log: a file is only removed, or its name used again, once a manifest without
// it is there for certain.

import { LOG_NOTICE, LOG_WARNING, type Logger } from "../base/log.ts";
import { directoryOf, type FileSystem, joinPath, systemErrorText } from "./file-system.ts";
import { LoadError } from "./load-error.ts";
import {
  BASE,
  baseName,
  EMPTY_MANIFEST,
  HISTORY,
  INCREMENT,
  incrementName,
  type Manifest,
  type ManifestEntry,
  ManifestError,
  manifestName,
  readManifest,
  writeManifest,
} from "./manifest.ts";

/** How the names of files begin that a rewrite has not completed. */
export const REWRITE_PREFIX = "temp-rewriteaof-";

/** The log cannot be used as it is. */
export class AofError extends LoadError {
  override name = "AofError";
}

/** Where a log is, or is to be. */
export interface AofLocation {
  fileSystem: FileSystem;
  logger: Logger;
  /** `--aof PATH`: a plain single file. The other fields are then unused. */
  path?: string;
  /** CONFIG's `dir`, `appenddirname` and `appendfilename`. */
  directory: string;
  directoryName: string;
  fileName: string;
}

/** What a new log begins with. */
export interface FirstBase {
  readonly isRdb: boolean;
  readonly bytes: Uint8Array;
}

export type MakeBase = () => FirstBase;

/** One file of the log. */
export interface AofPart {
  readonly name: string;
  readonly path: string;
  readonly kind: "base" | "incr" | "plain";
  /** Bytes that count; less than the file has only until a torn tail is cut off. */
  size: number;
  /** The snapshot that it begins with, and how long that took to load; 0 where there is none. */
  snapshotBytes: number;
  snapshotUs: number;
}

/** The files of one append-only log. */
export class AofFiles {
  /** What to call the log in messages: `PATH`, or the directory's path. */
  readonly displayPath: string;
  /** In the order in which they are applied; the last is the one appended to. */
  parts: AofPart[] = [];

  readonly #location: AofLocation;
  readonly #folder: string;
  #manifest: Manifest = EMPTY_MANIFEST;
  #isFolderDurable = false;
  /** A manifest could not be replaced for certain: a restart may find that one or the former. */
  #isUncertain = false;

  private constructor(location: AofLocation) {
    this.#location = location;
    this.#folder =
      location.path === undefined
        ? joinPath(location.directory, location.directoryName)
        : directoryOf(location.path);
    this.displayPath = location.path ?? this.#folder;
  }

  /**
   * Finds the files, moving an old single file in where Redis would. Creates nothing else.
   * Throws an AofError where the manifest is unusable or a file it names is missing.
   */
  static async find(location: AofLocation): Promise<AofFiles> {
    const files = new AofFiles(location);
    if (location.path !== undefined) {
      files.#findPlain(location.path);
      return files;
    }
    try {
      files.#manifest =
        readManifest(location.fileSystem, files.#folder, location.fileName) ?? EMPTY_MANIFEST;
    } catch (error) {
      if (error instanceof ManifestError) throw new AofError(...error.lines);
      const name = manifestName(location.fileName);
      throw new AofError(`Can't open the AOF manifest file ${name}: ${systemErrorText(error)}`);
    }
    if (files.#isOldLayout()) await files.#upgrade();
    files.#findParts();
    files.#warnOfStrangers();
    return files;
  }

  #findPlain(path: string): void {
    const { fileSystem } = this.#location;
    if (fileSystem.isDirectory(path)) {
      throw new AofError(`Can't open the append-only file ${path}: Is a directory`);
    }
    if (fileSystem.exists(path)) this.#addPart(path, path, "plain");
  }

  /** Redis's rule for when `dir/appendfilename` is to become the base. */
  #isOldLayout(): boolean {
    const { fileSystem, directory, fileName } = this.#location;
    if (!fileSystem.exists(joinPath(directory, fileName))) return false;
    if (fileSystem.isDirectory(joinPath(directory, fileName))) return false;
    if (!fileSystem.isDirectory(this.#folder)) return true;
    const { base, increments } = this.#manifest;
    if (base === undefined) return increments.length === 0;
    // An upgrade was interrupted after its manifest was written.
    const moved = fileSystem.exists(joinPath(this.#folder, fileName));
    return increments.length === 0 && base.name === fileName && !moved;
  }

  async #upgrade(): Promise<void> {
    const { fileSystem, logger, directory, directoryName, fileName } = this.#location;
    this.createFolder();
    const base: ManifestEntry = { name: fileName, sequence: 1, type: BASE };
    await this.#replaceManifest({ ...EMPTY_MANIFEST, base });
    fileSystem.rename(joinPath(directory, fileName), joinPath(this.#folder, fileName));
    fileSystem.syncDirectory(this.#folder);
    fileSystem.syncDirectory(directory);
    logger.log(
      LOG_NOTICE,
      `Successfully migrated an old-style AOF file (${fileName}) into the AOF directory` +
        ` (${directoryName}).`,
    );
  }

  /** Makes the directory where it is missing. Throws the system's error. */
  createFolder(): void {
    const { fileSystem } = this.#location;
    if (!fileSystem.isDirectory(this.#folder)) fileSystem.makeDirectory(this.#folder);
  }

  #findParts(): void {
    const { base, increments } = this.#manifest;
    if (base !== undefined) this.#addPart(base.name, joinPath(this.#folder, base.name), "base");
    for (const { name } of increments) this.#addPart(name, joinPath(this.#folder, name), "incr");
  }

  /** Data that the manifest does not name is ignored, as in Redis, but not in silence. */
  #warnOfStrangers(): void {
    const { fileSystem, fileName, logger } = this.#location;
    if (!fileSystem.isDirectory(this.#folder)) return;
    for (const name of fileSystem.list(this.#folder)) {
      const isNamedLikeOne = name.startsWith(`${fileName}.`) && /\.(base|incr)\.[a-z]+$/.test(name);
      if (!isNamedLikeOne || this.#isListed(name)) continue;
      const size = this.#bytesIn(name);
      if (size === 0) continue;
      const what = `The AOF manifest does not name ${name}, which holds ${size} bytes`;
      logger.log(LOG_WARNING, `${what}: they are not loaded`);
    }
  }

  #addPart(name: string, path: string, kind: AofPart["kind"]): void {
    try {
      const file = this.#location.fileSystem.openRead(path);
      this.#append(name, path, kind, file.size());
      file.close();
    } catch (error) {
      const reason = systemErrorText(error);
      throw new AofError(`Unable to obtain the AOF file ${name} length. stat: ${reason}`);
    }
  }

  /**
   * Makes sure that there is a file to append to, entered in the manifest, and deletes what former
   * generations left. A new log begins with a base, if there is something to make one. Returns the
   * file. Throws the system's error.
   */
  async prepareAppending(makeBase?: MakeBase): Promise<AofPart> {
    const { logger, path } = this.#location;
    const last = this.parts.at(-1);
    // Whoever wrote them may have been killed before they, or their names, were on the disk.
    for (const part of this.parts) await this.#sync(part.path);
    if (path !== undefined) {
      if (last === undefined) await this.#sync(path);
      return last ?? this.#append(path, path, "plain", 0);
    }
    await this.deleteHistory();
    this.#deleteTemporaries();
    if (last?.kind === "incr") {
      await this.#reopen();
      logger.log(LOG_NOTICE, `Opening AOF incr file ${last.name} on server start`);
      return last;
    }
    const base = last === undefined && makeBase !== undefined ? await this.#begin(makeBase()) : {};
    const entry = this.createIncrement("on server start", this.replicationOffset);
    await this.#sync(this.pathOf(entry));
    const increments = [...this.#manifest.increments, entry];
    await this.#replaceManifest({ ...this.#manifest, ...base, increments });
    return this.#append(entry.name, this.pathOf(entry), "incr", 0);
  }

  /** Has a file and its name survive a power cut. Creates it where it is missing. */
  async #sync(path: string): Promise<void> {
    const { fileSystem } = this.#location;
    const file = fileSystem.openAppend(path);
    try {
      await file.sync();
    } finally {
      file.close();
    }
    await fileSystem.syncDirectoryInBackground(this.#folder);
  }

  /** Writes a base that no manifest lists yet. */
  async #begin({ isRdb, bytes }: FirstBase): Promise<{ readonly base: ManifestEntry }> {
    const { fileSystem, logger } = this.#location;
    this.createFolder();
    const base = this.nextBase(isRdb);
    const file = fileSystem.openAppend(this.pathOf(base));
    try {
      // A file of that name is a leftover of an interrupted start.
      file.truncate(0);
      await file.write(bytes, 0, bytes.length);
      await file.sync();
    } finally {
      file.close();
    }
    logger.log(LOG_NOTICE, `Creating AOF base file ${base.name} on server start`);
    this.#append(base.name, this.pathOf(base), "base", bytes.length);
    return { base };
  }

  /** Removes what a rewrite left that a crash has ended. */
  #deleteTemporaries(): void {
    const { fileSystem, logger } = this.#location;
    if (!fileSystem.isDirectory(this.#folder)) return;
    for (const name of fileSystem.list(this.#folder)) {
      if (!name.startsWith(REWRITE_PREFIX)) continue;
      logger.log(LOG_NOTICE, `Removing ${name}, which an interrupted rewrite left`);
      fileSystem.remove(joinPath(this.#folder, name));
    }
  }

  #append(name: string, path: string, kind: AofPart["kind"], size: number): AofPart {
    const part: AofPart = { name, path, kind, size, snapshotBytes: 0, snapshotUs: 0 };
    this.parts.push(part);
    return part;
  }

  /** The directory of the files. */
  get folder(): string {
    return this.#folder;
  }

  pathOf(entry: ManifestEntry): string {
    return joinPath(this.#folder, entry.name);
  }

  /** Where the log ends; if that was not noted, about as far on as its last file is long. */
  get replicationOffset(): number {
    const last = this.#manifest.increments.at(-1);
    if (last === undefined) return 0;
    return last.endOffset ?? (last.startOffset ?? 0) + this.#bytesIn(last.name);
  }

  /** The last increment is appended to again: where it ends is open. */
  async #reopen(): Promise<void> {
    const last = this.#manifest.increments.at(-1);
    if (last?.endOffset !== undefined) await this.#noteEnd(last, undefined);
  }

  /** Notes where the log ends, which is closed. Rejects with the system's error. */
  async close(replicationOffset: number): Promise<void> {
    const last = this.#manifest.increments.at(-1);
    if (last !== undefined) await this.#noteEnd(last, replicationOffset);
  }

  async #noteEnd(last: ManifestEntry, endOffset: number | undefined): Promise<void> {
    const increments = [...this.#manifest.increments.slice(0, -1), { ...last, endOffset }];
    await this.#replaceManifest({ ...this.#manifest, increments });
  }

  /** The next increment, as an empty file that no manifest lists. Throws the system's error. */
  createIncrement(occasion: string, startOffset: number): ManifestEntry {
    const { fileSystem, logger } = this.#location;
    this.createFolder();
    const entry = { ...this.nextIncrement(), startOffset };
    logger.log(LOG_NOTICE, `Creating AOF incr file ${entry.name} ${occasion}`);
    // A file of that name which no manifest lists is a leftover of an interrupted start.
    const file = fileSystem.openAppend(this.pathOf(entry));
    try {
      file.truncate(0);
    } finally {
      file.close();
    }
    return entry;
  }

  /** Makes a file that was created the log's last one. Rejects with the system's error. */
  async addIncrement(entry: ManifestEntry): Promise<void> {
    await this.#sync(this.pathOf(entry));
    const increments = [...this.#manifest.increments, entry];
    await this.#replaceManifest({ ...this.#manifest, increments });
  }

  nextIncrement(): ManifestEntry {
    const { fileName } = this.#location;
    let sequence = this.#nextSequence(this.#manifest.increments, ".incr.");
    // A manifest may have other numbers than the names of its files, or have lost some of them.
    while (this.#isTaken(incrementName(fileName, sequence))) sequence++;
    return { name: incrementName(fileName, sequence), sequence, type: INCREMENT };
  }

  #isTaken(name: string): boolean {
    return this.#isListed(name) || this.#bytesIn(name) > 0;
  }

  /** The length of a file, 0 where there is none. */
  #bytesIn(name: string): number {
    const { fileSystem } = this.#location;
    const path = joinPath(this.#folder, name);
    if (!fileSystem.exists(path)) return 0;
    const file = fileSystem.openRead(path);
    const size = file.size();
    file.close();
    return size;
  }

  #isListed(name: string): boolean {
    const { base, increments, history } = this.#manifest;
    return [base, ...increments, ...history].some((entry) => entry?.name === name);
  }

  /** The base that a rewrite is to make. */
  nextBase(isRdb: boolean): ManifestEntry {
    const { base } = this.#manifest;
    const { fileName } = this.#location;
    let sequence = this.#nextSequence(base === undefined ? [] : [base], ".base.");
    while (this.#isListed(baseName(fileName, sequence, isRdb))) sequence++;
    return { name: baseName(fileName, sequence, isRdb), sequence, type: BASE };
  }

  /** Files that wait for their removal keep their numbers, too. */
  #nextSequence(entries: readonly ManifestEntry[], infix: string): number {
    const former = this.#manifest.history.filter(({ name }) => name.includes(infix));
    return 1 + Math.max(0, ...[...entries, ...former].map(({ sequence }) => sequence));
  }

  /**
   * Makes a base that is on the disk, and an increment with those behind it, the log; what was
   * before becomes history. Without an increment the base is all. Rejects with the system's error.
   */
  async install(base: ManifestEntry, increment: ManifestEntry | undefined): Promise<void> {
    const { base: formerBase, increments, history } = this.#manifest;
    const isKept = (entry: ManifestEntry) =>
      increment !== undefined && entry.sequence >= increment.sequence;
    // Of the first one more is known now.
    const kept = increments.filter((entry) => isKept(entry) && entry.name !== increment?.name);
    if (increment !== undefined) kept.unshift(increment);
    const former = formerBase === undefined ? [] : [formerBase];
    former.push(...increments.filter((entry) => !isKept(entry)));
    await this.#replaceManifest({
      base,
      increments: kept,
      history: [...history, ...former.map((entry) => ({ ...entry, type: HISTORY }) as const)],
    });
  }

  async #replaceManifest(manifest: Manifest): Promise<void> {
    const { fileSystem, directory, fileName } = this.#location;
    // Whoever made the directory may have been killed, or have failed, before its name was synced.
    if (!this.#isFolderDurable) await fileSystem.syncDirectoryInBackground(directory);
    this.#isFolderDurable = true;
    this.#isUncertain = true;
    await writeManifest(fileSystem, this.#folder, fileName, manifest);
    this.#isUncertain = false;
    this.#manifest = manifest;
  }

  /**
   * Whether a restart would find what is known here; else names that seem free may be in use. They
   * are to be found anew then, unless another manifest is written first.
   */
  get isCertain(): boolean {
    return !this.#isUncertain;
  }

  /** Has the manifest that was found be the one that survives. Rejects with the system's error. */
  async settle(): Promise<void> {
    const { fileSystem } = this.#location;
    this.createFolder();
    await fileSystem.syncDirectoryInBackground(this.#folder);
  }

  /** Removes what former generations left. Rejects with the system's error. */
  async deleteHistory(): Promise<void> {
    const { fileSystem, logger } = this.#location;
    const { history } = this.#manifest;
    if (history.length === 0) return;
    for (const entry of history) {
      if (!fileSystem.exists(this.pathOf(entry))) continue;
      logger.log(LOG_NOTICE, `Removing the history file ${entry.name} in the background`);
      fileSystem.remove(this.pathOf(entry));
    }
    await this.#replaceManifest({ ...this.#manifest, history: [] });
  }
}
