// Writing replies: the kinds that hot commands answer with, 512 of each as in a full batch.

import { do_not_optimize } from "mitata";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { randomText, rangesOf, seeded } from "../../harness/data.ts";
import { checkResult, Digest, digestOfText } from "../../harness/digest.ts";

const COUNT = 512;

/** Yields a function that writes replies, after comparing what it writes with a text. */
function* writeReplies(write: (reply: ReplyWriter) => void, expected: string) {
  const reply = new ReplyWriter();
  const writeAll = () => {
    reply.length = 0;
    write(reply);
    return reply.length;
  };
  const digest = () => new Digest().bytes(reply.buffer, 0, reply.length).value;
  writeAll();
  checkResult("ReplyWriter", digest(), digestOfText(expected));
  yield () => do_not_optimize(writeAll());
  checkResult("ReplyWriter afterwards", digest(), digestOfText(expected));
}

benchmark("write 512 times OK", function* () {
  yield* writeReplies((reply) => {
    for (let k = 0; k < COUNT; k++) reply.ok();
  }, "+OK\r\n".repeat(COUNT));
}).gc("inner");

benchmark("write 512 integers", function* () {
  const random = seeded("integer replies");
  const numbers = Array.from({ length: COUNT }, () => random.uint32() >>> (random.uint32() % 32));
  yield* writeReplies(
    (reply) => {
      for (let k = 0; k < COUNT; k++) reply.integer(numbers[k]);
    },
    numbers.map((number) => `:${number}\r\n`).join(""),
  );
}).gc("inner");

benchmark("write 512 bulk strings of $bytes bytes", function* (args) {
  const length = args.get("bytes");
  const random = seeded("bulk replies");
  const texts = Array.from({ length: COUNT }, () => randomText(random, length));
  const { bytes, starts, ends } = rangesOf(texts);
  yield* writeReplies(
    (reply) => {
      for (let k = 0; k < COUNT; k++) reply.bulk(bytes, starts[k], ends[k]);
    },
    texts.map((text) => `$${length}\r\n${text}\r\n`).join(""),
  );
})
  .args("bytes", [3, 32, 64, 1024])
  .gc("inner");

benchmark("write 512 nulls", function* () {
  yield* writeReplies((reply) => {
    for (let k = 0; k < COUNT; k++) reply.null();
  }, "$-1\r\n".repeat(COUNT));
}).gc("inner");

benchmark("write 512 errors", function* () {
  yield* writeReplies((reply) => {
    for (let k = 0; k < COUNT; k++) reply.wrongType();
  }, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n".repeat(COUNT));
}).gc("inner");
