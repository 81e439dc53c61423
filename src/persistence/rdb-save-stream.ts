// Streams as RDB has them: the blocks as they are in memory, what is known of the whole, and the
// consumer groups with what their consumers have not acknowledged.
//
//   stream    blocks (master ID, listpack)* size lastId firstId maxDeletedId added groups group*
//   group     name lastId read pending (ID, time, deliveries)* consumers consumer*
//   consumer  name seen [active] pending ID*
//
// IDs are two counts, but 16 bytes with the high ones first for blocks and pending entries.

import { CHUNK_SHIFT, GRANULE_MASK } from "../memory/pool.ts";
import type { Consumer, ConsumerGroup } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import type { IdTable } from "../structures/id-table.ts";
import { totalBytes } from "../structures/listpack.ts";
import type { Stream } from "../structures/stream.ts";
import { StreamId } from "../structures/stream-id.ts";
import type { RdbWriter } from "./rdb-writer.ts";

const ID_BYTES = 16;
/** The first version that has a consumer's active time. */
const ACTIVE_TIME_VERSION = 11;

/** Writes a stream in the form of a version of the format. */
export function writeStream(writer: RdbWriter, stream: Stream, version: number): void {
  const { blocks, pool } = stream;
  const id = new StreamId();
  writer.count(blocks.count);
  for (let k = 0; k < blocks.count; k++) {
    id.load(blocks.words, blocks.wordAt(k));
    writer.count(ID_BYTES);
    writeIdBytes(writer, id);
    const ref = stream.refAt(k);
    const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
    const start = (ref & GRANULE_MASK) << 3;
    writer.string(bytes, start, start + totalBytes(bytes, start));
  }
  writer.count(stream.size);
  writeId(writer, stream.lastId);
  writeId(writer, stream.firstId);
  writeId(writer, stream.maxDeletedId);
  writer.count64(stream.entriesAdded.high, stream.entriesAdded.low);
  const groups = stream.sortedGroups();
  writer.count(groups.length);
  for (const group of groups) writeGroup(writer, group, version);
}

function writeGroup(writer: RdbWriter, group: ConsumerGroup, version: number): void {
  writer.string(group.name, 0, group.name.length);
  writeId(writer, group.lastId);
  writer.count64(group.entriesRead.high, group.entriesRead.low);
  const { pending } = group;
  const deliveries = new EntryCounter();
  writer.count(pending.count);
  forEachId(pending, (id) => {
    writeIdBytes(writer, id);
    writer.milliseconds(group.deliveryTimeMs);
    group.readDeliveries(deliveries);
    writer.count64(deliveries.high, deliveries.low);
  });
  const consumers = group.consumers.all();
  writer.count(consumers.length);
  for (const consumer of consumers) writeConsumer(writer, consumer, version);
}

function writeConsumer(writer: RdbWriter, consumer: Consumer, version: number): void {
  writer.string(consumer.name, 0, consumer.name.length);
  writer.milliseconds(consumer.seenTimeMs);
  if (version >= ACTIVE_TIME_VERSION) writer.milliseconds(consumer.activeTimeMs);
  writer.count(consumer.pending.count);
  forEachId(consumer.pending, (id) => writeIdBytes(writer, id));
}

/** Visits the entries of a table in order; the table points at the one visited. */
function forEachId(table: IdTable, visit: (id: StreamId) => void): void {
  const id = new StreamId();
  for (let isThere = table.seekFirst(); isThere; isThere = table.advance()) {
    id.load(table.words, table.at);
    visit(id);
  }
}

function writeId(writer: RdbWriter, id: StreamId): void {
  writer.count64(id.msHigh, id.msLow);
  writer.count64(id.seqHigh, id.seqLow);
}

function writeIdBytes(writer: RdbWriter, id: StreamId): void {
  writer.bigEndian32(id.msHigh);
  writer.bigEndian32(id.msLow);
  writer.bigEndian32(id.seqHigh);
  writer.bigEndian32(id.seqLow);
}
