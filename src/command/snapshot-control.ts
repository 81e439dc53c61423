// What SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN and DEBUG ask of the parts of the server that take
// snapshots and rewrite the append-only file.

/** What became of the wish for a background save. */
export type BackgroundSaveReply = "started" | "saving" | "rewriting" | "scheduled" | "failed";

/** Takes and loads snapshots of the data set. */
export interface SnapshotControl {
  readonly isSaving: boolean;
  /** Saves now, blocking; false where that failed, see the log. */
  save(): boolean;
  /** Saves as soon as no unit of effects is half done: now, or when the running one ends. */
  saveWhole(): void;
  /** One who `isPatient` waits for the end of a rewrite. */
  saveInBackground(isPatient: boolean): BackgroundSaveReply;
  /** Ends the background save, if one is under way, without a result. */
  cancel(): void;
  /**
   * Loads the snapshot file into the keyspace; false where that failed, see the log. Keys that are
   * there already are replaced if `merges` says so, and else an error.
   */
  reload(merges: boolean): boolean;
}

/** What became of the wish for a rewrite. */
export type RewriteReply = "started" | "rewriting" | "scheduled" | "failed";

/** Rewrites the append-only file. */
export interface RewriteControl {
  readonly isActive: boolean;
  rewrite(): RewriteReply;
}

/** The append-only file, as commands see it. */
export interface LogControl {
  /** `Effects.offset` up to which everything is durable; negative while there is no log. */
  readonly durableOffset: number;
  /**
   * Loads the log, with all that belongs in it, in place of the data. Clients are told that the
   * server is loading until `onEnd` has been called, when `hasReloaded` says whether that worked.
   */
  reload(onEnd: () => void): void;
  readonly hasReloaded: boolean;
}
