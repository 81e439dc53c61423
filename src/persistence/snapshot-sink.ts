// Who takes a snapshot: keys with their whole values, and what is large in parts.

import type { PendingRecord } from "../structures/consumer-groups.ts";
import type { Container } from "../structures/container.ts";
import type { EntryCounter } from "../structures/entry-counter.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import type { RecordView } from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import type { StreamId } from "../structures/stream-id.ts";

/** Where the parts of one collection go. */
export interface CollectionSink {
  /** What was written so far, and what follows, goes out now. */
  activate(): void;
  /** There are no more parts. */
  finish(): void;
}

/** Where the members of a set, hash or sorted set go, in any order, also before `activate`. */
export interface MemberSink extends CollectionSink {
  /** The member in a view of the collection's table. */
  member(view: RecordView): void;
}

/** Where a list's nodes go, in their order, after `activate`. */
export interface ListSink extends CollectionSink {
  /** The entries of a node, in the listpack format: one that is plain, or `count`. */
  node(bytes: Uint8Array, start: number, end: number, count: number, isPlain: boolean): void;
}

/** Where a large string goes, after `activate`. */
export interface StringSink extends CollectionSink {
  /** The next bytes of it. */
  piece(bytes: Uint8Array, start: number, end: number): void;
}

/** What is known of a stream as a whole. */
export interface StreamSummary {
  readonly size: number;
  readonly lastId: StreamId;
  readonly firstId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly entriesAdded: EntryCounter;
  readonly groupCount: number;
}

/** A consumer group, but for its pending entries and consumers. */
export interface GroupSummary {
  readonly name: Uint8Array;
  readonly lastId: StreamId;
  readonly entriesRead: EntryCounter;
  readonly pendingCount: number;
  readonly consumerCount: number;
}

/** A consumer of a group; times are Unix milliseconds. */
export interface ConsumerSummary {
  readonly name: Uint8Array;
  readonly seenTimeMs: number;
  readonly activeTimeMs: number;
  readonly pendingCount: number;
}

/** Takes the parts of a stream in this order, where those of each group follow each other. */
export interface StreamParts {
  /** A block of entries, one listpack. */
  block(master: StreamId, bytes: Uint8Array, start: number, end: number): void;
  summary(stream: StreamSummary): void;
  group(group: GroupSummary): void;
  /** An entry pending in a group, for the consumer of that name. */
  pending(group: GroupSummary, record: PendingRecord, owner: Uint8Array): void;
  /** All that is pending in the group has come. */
  consumers(group: GroupSummary): void;
  consumer(group: GroupSummary, consumer: ConsumerSummary): void;
  /** The ID of an entry pending for the last consumer. */
  consumerPending(id: StreamId): void;
}

/** Where a stream's parts go, after `activate`. */
export interface StreamSink extends CollectionSink {
  readonly parts: StreamParts;
}

/**
 * Takes what was in the keyspace when the snapshot began, each key once, in no particular order.
 * Large collections and strings are opened, and their parts follow one by one.
 */
export interface SnapshotSink {
  /** The key in a view, with its whole value. */
  key(dbIndex: number, view: RecordView): void;
  openString(dbIndex: number, view: RecordView): StringSink;
  openMembers(dbIndex: number, view: RecordView, container: Container): MemberSink;
  openList(dbIndex: number, view: RecordView, list: Quicklist): ListSink;
  openStream(dbIndex: number, view: RecordView, stream: Stream): StreamSink;
}
