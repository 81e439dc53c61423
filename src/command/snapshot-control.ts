// What SAVE, BGSAVE, SHUTDOWN and DEBUG ask of the part of the server that takes snapshots.

/** What became of the wish for a background save. */
export type BackgroundSaveReply = "started" | "saving" | "failed";

/** Takes and loads snapshots of the data set. */
export interface SnapshotControl {
  readonly isSaving: boolean;
  /** Saves now, blocking; false where that failed, see the log. */
  save(): boolean;
  saveInBackground(): BackgroundSaveReply;
  /** Ends the background save, if one is under way, without a result. */
  cancel(): void;
  /**
   * Loads the snapshot file into the keyspace; false where that failed, see the log. Keys that are
   * there already are replaced if `merges` says so, and else an error.
   */
  reload(merges: boolean): boolean;
}
