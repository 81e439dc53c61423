// Streams as commands: entries, what is known of the whole, and the groups with their consumers
// and what those have not acknowledged.

import { INT64_TEXT_MAX, type Int64 } from "../base/int64.ts";
import { latin1Bytes } from "../base/text.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { Consumer, ConsumerGroup } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import { Entry } from "../structures/listpack.ts";
import type { Stream } from "../structures/stream.ts";
import { StreamCursor } from "../structures/stream-cursor.ts";
import { StreamId, streamIdText } from "../structures/stream-id.ts";

/** Begins a command of so many words; writes its name, which may be two, and the key. */
export type BeginCommand = (count: number, ...name: readonly Uint8Array[]) => ReplyWriter;

const XADD = latin1Bytes("XADD");
const XSETID = latin1Bytes("XSETID");
const XCLAIM = latin1Bytes("XCLAIM");
const XGROUP = latin1Bytes("XGROUP");
const CREATE = latin1Bytes("CREATE");
const CREATE_CONSUMER = latin1Bytes("CREATECONSUMER");
const scratch = new Uint8Array(INT64_TEXT_MAX);

/** A 64-bit integer as an argument. */
export function bulkInt64(writer: ReplyWriter, value: Int64): void {
  writer.bulk(scratch, 0, value.writeText(scratch, 0));
}

/** Writes the commands that make a stream, the key's expiry apart. */
export function writeStreamCommands(begin: BeginCommand, stream: Stream): void {
  if (stream.size === 0) writeEmptied(begin(7, XADD));
  else writeEntries(begin, stream);
  const settings = begin(7, XSETID);
  settings.bulkText(streamIdText(stream.lastId));
  settings.bulkText("ENTRIESADDED");
  bulkInt64(settings, stream.entriesAdded);
  settings.bulkText("MAXDELETEDID");
  settings.bulkText(streamIdText(stream.maxDeletedId));
  for (const group of stream.sortedGroups()) writeGroup(begin, group);
}

/** An entry that is trimmed at once: the stream is there, without any. */
function writeEmptied(writer: ReplyWriter): void {
  for (const word of ["MAXLEN", "0", "0-1", "x", "y"]) writer.bulkText(word);
}

function writeEntries(begin: BeginCommand, stream: Stream): void {
  const cursor = new StreamCursor();
  const [first, last] = [new StreamId(), new StreamId()];
  const entry = new Entry();
  last.setMaximum();
  cursor.start(stream, first, last);
  while (cursor.next()) {
    const writer = begin(3 + cursor.fieldCount * 2, XADD);
    writer.bulkText(streamIdText(cursor.id));
    let field = cursor.fieldAt;
    let value = cursor.valueAt;
    for (let k = 0; k < cursor.fieldCount; k++) {
      const afterField = entry.load(cursor.bytes, field);
      writer.bulk(entry.bytes, entry.start, entry.end);
      value = entry.load(cursor.bytes, cursor.isSplit ? value : afterField);
      writer.bulk(entry.bytes, entry.start, entry.end);
      field = cursor.isSplit ? afterField : value;
    }
  }
}

function writeGroup(begin: BeginCommand, group: ConsumerGroup): void {
  const writer = begin(7, XGROUP, CREATE);
  writer.bulkBytes(group.name);
  writer.bulkText(streamIdText(group.lastId));
  writer.bulkText("ENTRIESREAD");
  bulkInt64(writer, group.entriesRead);
  for (const consumer of group.consumers.all()) {
    if (consumer.pending.count === 0) {
      const creation = begin(5, XGROUP, CREATE_CONSUMER);
      creation.bulkBytes(group.name);
      creation.bulkBytes(consumer.name);
    } else {
      writeClaims(begin, group, consumer);
    }
  }
}

function writeClaims(begin: BeginCommand, group: ConsumerGroup, consumer: Consumer): void {
  const { pending } = consumer;
  const id = new StreamId();
  const deliveries = new EntryCounter();
  for (let isThere = pending.seekFirst(); isThere; isThere = pending.advance()) {
    id.load(pending.words, pending.at);
    group.pending.find(id);
    const writer = begin(12, XCLAIM);
    writer.bulkBytes(group.name);
    writer.bulkBytes(consumer.name);
    writer.bulkInteger(0);
    writer.bulkText(streamIdText(id));
    writer.bulkText("TIME");
    writer.bulkInteger(group.deliveryTimeMs);
    writer.bulkText("RETRYCOUNT");
    group.readDeliveries(deliveries);
    bulkInt64(writer, deliveries);
    writer.bulkText("JUSTID");
    writer.bulkText("FORCE");
  }
}
