// What INFO says about persistence: plain fields that the AOF and RDB code write as things happen.
// The defaults are what holds for a server that has never loaded, saved or appended.

/** One server's persistence status; times in Unix ms, durations in seconds, -1 = never. */
export class PersistenceStatus {
  loading = false;
  loadingStartMs = 0;
  loadingTotalBytes = 0;
  loadingLoadedBytes = 0;
  /** Memory that was used where the snapshot was made, as it says itself. */
  loadingSnapshotUsedBytes = 0;

  /** Progress of the snapshot being taken. */
  currentSaveKeysProcessed = 0;
  currentSaveKeysTotal = 0;
  /** Bytes copied because they changed before it had taken them. */
  currentCopiedBytes = 0;

  /** Snapshots begun in the background, and how long beginning the last one took. */
  snapshotsBegun = 0;
  lastSnapshotBeginUs = 0;

  rdbSaveInProgress = false;
  rdbSaveScheduled = false;
  rdbSaveStartMs = 0;
  rdbLastSaveMs = 0;
  rdbLastSaveOk = true;
  rdbLastSaveSeconds = -1;
  rdbSaves = 0;
  /** Bytes that the last successful one copied. */
  rdbLastCopiedBytes = 0;
  rdbLastLoadKeysExpired = 0;
  rdbLastLoadKeysLoaded = 0;

  aofEnabled = false;
  aofRewriteInProgress = false;
  aofRewriteScheduled = false;
  aofRewriteStartMs = 0;
  aofLastRewriteSeconds = -1;
  aofLastRewriteOk = true;
  aofRewrites = 0;
  aofLastCopiedBytes = 0;
  aofRewritesConsecutiveFailures = 0;
  aofLastWriteOk = true;
  aofCurrentSize = 0;
  aofBaseSize = 0;
  /** Bytes that have not been written to the file yet. */
  aofBufferLength = 0;
  aofPendingSyncs = 0;
  aofDelayedSyncs = 0;
}
