// Decoding pipelines of SET and GET as they arrive.

import { do_not_optimize } from "mitata";
import { Decoder } from "../../../src/resp/decoder.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { keyName, randomText, requestText, seeded } from "../../harness/data.ts";
import { checkResult, Digest } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const LIMITS = { bulkBytesMax: 512 * 1024 * 1024, unauthenticated: false };
const DEPTHS = [1, 16, 64, 512];

/** Decodes a chunk that ends with a whole command, in batches; returns the number of arguments. */
function decodeAll(decoder: Decoder, bytes: Uint8Array): number {
  let argumentCount = 0;
  for (;;) {
    decoder.decode(bytes, bytes.length, LIMITS);
    const count = decoder.commandCount;
    for (let k = 0; k < count; k++) argumentCount += decoder.counts[k];
    if (decoder.consumed === bytes.length) break;
    decoder.nextBatch();
  }
  decoder.reset();
  return argumentCount;
}

/** The digest of the arguments that come out of a chunk of at most one batch. */
function digestOfArguments(decoder: Decoder, bytes: Uint8Array): number {
  const digest = new Digest();
  decoder.decode(bytes, bytes.length, LIMITS);
  for (let command = 0; command < decoder.commandCount; command++) {
    const base = decoder.bases[command];
    for (let k = base; k < base + decoder.counts[command]; k++) {
      digest.bytes(bytes, decoder.starts[k], decoder.ends[k]).text("|");
    }
  }
  decoder.reset();
  return digest.value;
}

function* decodePipeline(commands: readonly (readonly string[])[]) {
  const bytes = new Uint8Array(Buffer.from(commands.map(requestText).join(""), "latin1"));
  const decoder = new Decoder();
  const expected = new Digest();
  for (const text of commands.flat()) expected.text(text).text("|");
  checkResult("Decoder", digestOfArguments(decoder, bytes), expected.value);
  const total = commands.reduce((sum, command) => sum + command.length, 0);
  checkResult("argument count", decodeAll(decoder, bytes), total);
  yield () => do_not_optimize(decodeAll(decoder, bytes));
}

benchmark("decode $depth GETs", function* (args) {
  const count = args.get("depth");
  yield* decodePipeline(Array.from({ length: count }, (_, k) => ["GET", keyName(k * 7919)]));
})
  .args("depth", DEPTHS)
  .gc("inner");

benchmark("decode $depth SETs of $bytes bytes", function* (args) {
  const random = seeded("decode sets");
  const value = randomText(random, args.get("bytes"));
  const count = args.get("depth");
  yield* decodePipeline(Array.from({ length: count }, (_, k) => ["SET", keyName(k * 7919), value]));
})
  .args("depth", DEPTHS)
  .args("bytes", sized([3, 32, 1024], [3, 1024]))
  .gc("inner");

benchmark("decode one MSET of $pairs pairs", function* (args) {
  const pairs = Array.from({ length: args.get("pairs") }, (_, k) => [keyName(k), "value"]);
  yield* decodePipeline([["MSET", ...pairs.flat()]]);
})
  .args("pairs", [10, 1000])
  .gc("inner");

benchmark("decode a SET of $bytes bytes that arrives in pieces of 64 KiB", function* (args) {
  const value = randomText(seeded("pieces"), 1024).repeat(args.get("bytes") / 1024);
  const bytes = new Uint8Array(Buffer.from(requestText(["SET", "key", value]), "latin1"));
  const decoder = new Decoder();
  const decodePieces = () => {
    let length = 0;
    for (let end = 0; end < bytes.length; ) {
      end = Math.min(bytes.length, end + 65536);
      decoder.decode(bytes, end, LIMITS);
      if (decoder.commandCount > 0) length = decoder.ends[2] - decoder.starts[2];
    }
    decoder.reset();
    return length;
  };
  checkResult("value length", decodePieces(), value.length);
  yield () => do_not_optimize(decodePieces());
}).args("bytes", sized([1 << 20, 1 << 24], [1 << 18]));
