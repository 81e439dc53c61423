// How many entries of a stream a consumer group has read and has yet to read: exact while nothing
// was deleted where it matters, unknown otherwise.

import { EntryCounter } from "./entry-counter.ts";
import type { Stream } from "./stream.ts";
import type { StreamId } from "./stream-id.ts";

const sizeCounter = new EntryCounter();

/** Whether an entry at or after `id` has been deleted, and others may follow it. */
export function hasTombstoneAfter(stream: Stream, id: StreamId): boolean {
  const deleted = stream.maxDeletedId;
  return stream.size > 0 && !deleted.isZero && id.compare(deleted) <= 0;
}

/**
 * Puts the number of entries ever added up to and with `id` into `distance`, or makes it unknown.
 */
export function estimateDistance(stream: Stream, id: StreamId, distance: EntryCounter): void {
  distance.copy(stream.entriesAdded);
  if (distance.isZero) return;
  const last = id.compare(stream.lastId);
  if (stream.size === 0 && last <= 0) return;
  if (!id.isZero && id.compare(stream.maxDeletedId) < 0) return distance.setUnknown();
  if (last === 0) return;
  if (last > 0) return distance.setUnknown();
  const deleted = stream.maxDeletedId;
  if (!deleted.isZero && deleted.compare(stream.firstId) >= 0) return distance.setUnknown();
  const first = id.compare(stream.firstId);
  if (first > 0) return distance.setUnknown();
  sizeCounter.setNumber(stream.size);
  distance.subtract(sizeCounter);
  if (first === 0) distance.increment();
}

/**
 * Puts what a group at `id`, having read `read` entries, has still to read into `lag`; false where
 * that is unknown. Who claims to have read more than there was lags by a negative number.
 */
export function estimateLag(
  stream: Stream,
  id: StreamId,
  read: EntryCounter,
  lag: EntryCounter,
): boolean {
  const isBehind = id.compare(stream.firstId) < 0;
  if (stream.entriesAdded.isZero || stream.size === 0) {
    lag.setNumber(0);
  } else if (isBehind && stream.maxDeletedId.compare(stream.firstId) < 0) {
    lag.setNumber(stream.size);
  } else {
    const known = distanceScratch;
    if (!read.isUnknown && !hasTombstoneAfter(stream, id)) known.copy(read);
    else estimateDistance(stream, id, known);
    if (known.isUnknown) return false;
    lag.copy(stream.entriesAdded);
    lag.subtract(known);
  }
  return true;
}

const distanceScratch = new EntryCounter();
