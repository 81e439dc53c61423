// DEBUG PROTOCOL: an example of every reply type, which drivers test their decoders with.

import { latin1Bytes } from "../base/text.ts";
import type { Context } from "./features.ts";

const TYPES = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";

type Example = (c: Context) => void;

const EXAMPLES: ReadonlyMap<string, Example> = new Map<string, Example>([
  ["string", (c) => c.reply.bulkText("Hello World")],
  ["integer", (c) => c.reply.integer(12345)],
  ["double", (c) => c.reply.doubleText("3.141")],
  ["bignum", (c) => c.reply.bigNumber("1234567999999999999999999999999999999")],
  ["null", (c) => c.reply.null()],
  ["array", replyArray],
  ["set", replySet],
  ["map", replyMap],
  ["attrib", replyAttribute],
  ["push", replyPush],
  ["verbatim", (c) => c.reply.verbatim("txt", "This is a verbatim\nstring")],
  ["true", (c) => c.reply.boolean(true)],
  ["false", (c) => c.reply.boolean(false)],
]);

// DEBUG PROTOCOL type
export function debugProtocol(c: Context): void {
  const example = EXAMPLES.get(c.latin1(2).toLowerCase());
  if (example !== undefined) return example(c);
  c.reply.error(`ERR Wrong protocol type name. Please use one of the following: ${TYPES}`);
}

function replyArray(c: Context): void {
  c.reply.array(3);
  for (let k = 0; k < 3; k++) c.reply.integer(k);
}

function replySet(c: Context): void {
  c.reply.set(3);
  for (let k = 0; k < 3; k++) c.reply.integer(k);
}

function replyMap(c: Context): void {
  c.reply.map(3);
  for (let k = 0; k < 3; k++) {
    c.reply.integer(k);
    c.reply.boolean(k === 1);
  }
}

/** An attribute goes before the reply it belongs to; RESP2 has none. */
function replyAttribute(c: Context): void {
  if (c.reply.protocol === 3) {
    c.reply.raw(latin1Bytes("|1\r\n"));
    c.reply.bulkText("key-popularity");
    c.reply.array(2);
    c.reply.bulkText("key:123");
    c.reply.integer(90);
  }
  c.reply.bulkText("Some real reply following the attribute");
}

/** A push is no reply, so one is sent too; the push comes after it. */
function replyPush(c: Context): void {
  if (c.reply.protocol === 2) {
    return c.reply.error("ERR RESP2 is not supported by this command");
  }
  c.reply.bulkText("Some real reply following the push reply");
  c.reply.push(2);
  c.reply.bulkText("server-cpu-usage");
  c.reply.integer(42);
}
