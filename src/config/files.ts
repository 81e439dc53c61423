// What configuration needs of the file system. Injected, so that nothing in this folder touches the
// disk and tests need none.

/** Paths are ordinary strings; every method throws an Error whose message is strerror's text. */
export interface ConfigFiles {
  /** The absolute path of the directory that the process was started in: the first `dir`. */
  readonly startDirectory: string;
  /** The absolute path of an existing directory, given relative to the absolute path `from`. */
  directory(path: string, from: string): string;
  /** A whole file. The error's `code` is "ENOENT" where there is none. */
  read(path: string): Uint8Array;
  /** Replaces a file; a crash leaves the old or the new one (temporary file, fsync, rename). */
  writeAtomically(path: string, bytes: Uint8Array): void;
  /** The names in a directory; none where it is no directory. Does not throw. */
  names(directory: string): readonly string[];
}
