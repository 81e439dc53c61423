// hot path: no allocation per command
//
// Effects that several stream commands have: a pending entry and how far a group has read are
// propagated as they are now, whatever command brought them there.

import { latin1Bytes } from "../base/text.ts";
import type { Consumer, ConsumerGroup } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import type { StreamId } from "../structures/stream-id.ts";
import type { Context } from "./features.ts";
import { bulkInt64, replyId } from "./stream-replies.ts";

const XCLAIM = latin1Bytes("XCLAIM");
const ZERO = latin1Bytes("0");
const TIME = latin1Bytes("TIME");
const RETRYCOUNT = latin1Bytes("RETRYCOUNT");
const FORCE = latin1Bytes("FORCE");
const JUSTID = latin1Bytes("JUSTID");
const LASTID = latin1Bytes("LASTID");
const XGROUP = latin1Bytes("XGROUP");
const SETID = latin1Bytes("SETID");
const ENTRIESREAD = latin1Bytes("ENTRIESREAD");

const CLAIM_ARGUMENTS = 14;
const SETID_ARGUMENTS = 7;

const deliveries = new EntryCounter();

/** Propagates the entry that the group's pending table points at as `consumer`'s. */
export function propagateClaim(
  c: Context,
  keyIndex: number,
  groupIndex: number,
  group: ConsumerGroup,
  consumer: Consumer,
  id: StreamId,
): void {
  const effect = c.effects.replace(CLAIM_ARGUMENTS);
  effect.bulkBytes(XCLAIM);
  effect.bulk(c.bytes, c.start(keyIndex), c.end(keyIndex));
  effect.bulk(c.bytes, c.start(groupIndex), c.end(groupIndex));
  effect.bulkBytes(consumer.name);
  effect.bulkBytes(ZERO);
  replyId(effect, id);
  effect.bulkBytes(TIME);
  effect.bulkInteger(group.deliveryTimeMs);
  effect.bulkBytes(RETRYCOUNT);
  group.readDeliveries(deliveries);
  bulkInt64(effect, deliveries);
  effect.bulkBytes(FORCE);
  effect.bulkBytes(JUSTID);
  effect.bulkBytes(LASTID);
  replyId(effect, group.lastId);
}

/** Propagates how far a group has read. */
export function propagateGroupId(
  c: Context,
  keyIndex: number,
  groupIndex: number,
  group: ConsumerGroup,
): void {
  const effect = c.effects.replace(SETID_ARGUMENTS);
  effect.bulkBytes(XGROUP);
  effect.bulkBytes(SETID);
  effect.bulk(c.bytes, c.start(keyIndex), c.end(keyIndex));
  effect.bulk(c.bytes, c.start(groupIndex), c.end(groupIndex));
  replyId(effect, group.lastId);
  effect.bulkBytes(ENTRIESREAD);
  bulkInt64(effect, group.entriesRead);
}
