// Where an append-only file lives and which files make it up, at start-up:
//
// - `--aof PATH`: the one plain file PATH, nothing else;
// - otherwise Redis 7's layout: `appenddirname/` in the data directory with a manifest. A file of
//   the old layout (`appendfilename` directly in the data directory) is moved in as the base, by
//   Redis's rule and safely repeatable if the process dies half-way.

import { LOG_NOTICE, type Logger } from "../base/log.ts";
import { directoryOf, type FileSystem, joinPath, systemErrorText } from "./file-system.ts";
import {
  BASE,
  EMPTY_MANIFEST,
  INCREMENT,
  incrementName,
  type Manifest,
  type ManifestEntry,
  ManifestError,
  manifestName,
  readManifest,
  writeManifest,
} from "./manifest.ts";

/** The log cannot be used as it is. `lines` is what to tell the operator, most telling last. */
export class AofError extends Error {
  override name = "AofError";
  readonly lines: string[];

  constructor(...lines: string[]) {
    super(lines.at(-1));
    this.lines = lines;
  }
}

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
    this.#createFolder();
    const base: ManifestEntry = { name: fileName, sequence: 1, type: BASE };
    const manifest: Manifest = { ...EMPTY_MANIFEST, base };
    await writeManifest(fileSystem, this.#folder, fileName, manifest);
    this.#manifest = manifest;
    fileSystem.rename(joinPath(directory, fileName), joinPath(this.#folder, fileName));
    fileSystem.syncDirectory(this.#folder);
    fileSystem.syncDirectory(directory);
    logger.log(
      LOG_NOTICE,
      `Successfully migrated an old-style AOF configuration (${fileName}) into the AOF directory` +
        ` (${directoryName}).`,
    );
  }

  #createFolder(): void {
    const { fileSystem, directory } = this.#location;
    if (fileSystem.isDirectory(this.#folder)) return;
    fileSystem.makeDirectory(this.#folder);
    fileSystem.syncDirectory(directory);
  }

  #findParts(): void {
    const { base, increments } = this.#manifest;
    if (base !== undefined) this.#addPart(base.name, joinPath(this.#folder, base.name), "base");
    for (const { name } of increments) this.#addPart(name, joinPath(this.#folder, name), "incr");
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
   * generations left. Returns the file. Throws the system's error.
   */
  async prepareAppending(): Promise<AofPart> {
    const { fileSystem, logger, path } = this.#location;
    const last = this.parts.at(-1);
    if (path !== undefined) {
      if (last !== undefined) return last;
      fileSystem.openAppend(path).close();
      fileSystem.syncDirectory(this.#folder);
      return this.#append(path, path, "plain", 0);
    }
    await this.#deleteHistory();
    if (last?.kind === "incr") {
      logger.log(LOG_NOTICE, `Opening AOF incr file ${last.name} on server start`);
      return last;
    }
    return this.#createIncrement();
  }

  #append(name: string, path: string, kind: AofPart["kind"], size: number): AofPart {
    const part: AofPart = { name, path, kind, size, snapshotBytes: 0, snapshotUs: 0 };
    this.parts.push(part);
    return part;
  }

  async #createIncrement(): Promise<AofPart> {
    const { fileSystem, logger, fileName } = this.#location;
    this.#createFolder();
    const name = incrementName(fileName, 1);
    const path = joinPath(this.#folder, name);
    logger.log(LOG_NOTICE, `Creating AOF incr file ${name} on server start`);
    // A file of that name which no manifest lists is a leftover of an interrupted start.
    const file = fileSystem.openAppend(path);
    try {
      file.truncate(0);
      file.syncNow();
    } finally {
      file.close();
    }
    fileSystem.syncDirectory(this.#folder);
    const increments: ManifestEntry[] = [{ name, sequence: 1, type: INCREMENT }];
    const manifest: Manifest = { ...this.#manifest, increments };
    await writeManifest(fileSystem, this.#folder, fileName, manifest);
    this.#manifest = manifest;
    return this.#append(name, path, "incr", 0);
  }

  async #deleteHistory(): Promise<void> {
    const { fileSystem, fileName } = this.#location;
    if (this.#manifest.history.length === 0) return;
    for (const { name } of this.#manifest.history) {
      const path = joinPath(this.#folder, name);
      if (fileSystem.exists(path)) fileSystem.remove(path);
    }
    this.#manifest = { ...this.#manifest, history: [] };
    await writeManifest(fileSystem, this.#folder, fileName, this.#manifest);
  }
}
