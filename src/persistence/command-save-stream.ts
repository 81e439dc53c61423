// Streams as commands: entries, what is known of the whole, and the groups with their consumers
// and what those have not acknowledged.

import { INT64_TEXT_MAX, type Int64 } from "../base/int64.ts";
import { latin1Bytes } from "../base/text.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { PendingRecord } from "../structures/consumer-groups.ts";
import { Entry } from "../structures/listpack.ts";
import { StreamCursor } from "../structures/stream-cursor.ts";
import { type StreamId, streamIdText } from "../structures/stream-id.ts";
import type { ConsumerSummary, GroupSummary, StreamParts, StreamSummary } from "./snapshot-sink.ts";

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

/** Turns the parts of a stream into the commands that make it, the key's expiry apart. */
export class StreamCommands implements StreamParts {
  readonly #begin: BeginCommand;
  readonly #cursor = new StreamCursor();
  readonly #entry = new Entry();

  constructor(begin: BeginCommand) {
    this.#begin = begin;
  }

  block(master: StreamId, bytes: Uint8Array, start: number): void {
    const cursor = this.#cursor;
    const entry = this.#entry;
    cursor.startBlock(bytes, start, master);
    while (cursor.next()) {
      const writer = this.#begin(3 + cursor.fieldCount * 2, XADD);
      writer.bulkText(streamIdText(cursor.id));
      let field = cursor.fieldAt;
      let value = cursor.valueAt;
      for (let k = 0; k < cursor.fieldCount; k++) {
        const afterField = entry.load(bytes, field);
        writer.bulk(entry.bytes, entry.start, entry.end);
        value = entry.load(bytes, cursor.isSplit ? value : afterField);
        writer.bulk(entry.bytes, entry.start, entry.end);
        field = cursor.isSplit ? afterField : value;
      }
    }
  }

  summary(stream: StreamSummary): void {
    if (stream.size === 0) {
      // An entry that is trimmed at once: the stream is there, without any.
      const writer = this.#begin(7, XADD);
      for (const word of ["MAXLEN", "0", "0-1", "x", "y"]) writer.bulkText(word);
    }
    const settings = this.#begin(7, XSETID);
    settings.bulkText(streamIdText(stream.lastId));
    settings.bulkText("ENTRIESADDED");
    bulkInt64(settings, stream.entriesAdded);
    settings.bulkText("MAXDELETEDID");
    settings.bulkText(streamIdText(stream.maxDeletedId));
  }

  group(group: GroupSummary): void {
    const writer = this.#begin(7, XGROUP, CREATE);
    writer.bulkBytes(group.name);
    writer.bulkText(streamIdText(group.lastId));
    writer.bulkText("ENTRIESREAD");
    bulkInt64(writer, group.entriesRead);
  }

  /** Makes the consumer too. */
  pending(group: GroupSummary, record: PendingRecord, owner: Uint8Array): void {
    const writer = this.#begin(12, XCLAIM);
    writer.bulkBytes(group.name);
    writer.bulkBytes(owner);
    writer.bulkInteger(0);
    writer.bulkText(streamIdText(record.id));
    writer.bulkText("TIME");
    writer.bulkInteger(record.deliveryTimeMs);
    writer.bulkText("RETRYCOUNT");
    bulkInt64(writer, record.deliveries);
    writer.bulkText("JUSTID");
    writer.bulkText("FORCE");
  }

  consumers(): void {}

  consumer(group: GroupSummary, consumer: ConsumerSummary): void {
    if (consumer.pendingCount > 0) return;
    const creation = this.#begin(5, XGROUP, CREATE_CONSUMER);
    creation.bulkBytes(group.name);
    creation.bulkBytes(consumer.name);
  }

  consumerPending(): void {}
}
