// The request decoder, fed the same bytes whole and split: the commands and the error must be the
// same wherever the splits lie, and the commands those that were encoded. Frames are well-formed,
// hostile, or well-formed with a few bytes changed.

import { Decoder } from "../../src/resp/decoder.ts";
import { encodeCommand } from "../harness/client.ts";
import { type Choices, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

/** What came out of a decoder. */
interface Decoded {
  readonly commands: string[];
  readonly error: string;
}

const LIMITS = [
  { bulkBytesMax: 512 * 1024 * 1024, unauthenticated: false },
  { bulkBytesMax: 512 * 1024 * 1024, unauthenticated: true },
  { bulkBytesMax: 100, unauthenticated: false },
];

/**
 * One decoder for all, as on a server: what one connection leaves behind must not reach the next.
 */
const decoder = new Decoder();

/** Decodes pieces as a connection does: what is left over stays in front of the next piece. */
export function decodePieces(pieces: readonly Uint8Array[], limits = LIMITS[0]): Decoded {
  decoder.reset();
  const commands: string[] = [];
  let buffer = Buffer.alloc(0);
  for (const piece of pieces) {
    buffer = Buffer.concat([buffer, piece]);
    for (;;) {
      decoder.decode(buffer, buffer.length, limits);
      const count = decoder.commandCount;
      for (let k = 0; k < count; k++) commands.push(commandText(buffer, k));
      if (decoder.error !== "") return { commands, error: decoder.error };
      if (count === 0) break;
      decoder.nextBatch();
    }
    const consumed = decoder.consumed;
    check(consumed <= buffer.length, "consumes no more than there is");
    if (consumed === buffer.length) decoder.reset();
    else decoder.rebase();
    buffer = buffer.subarray(consumed);
  }
  return { commands, error: "" };
}

/** A command's arguments with their lengths. */
function commandText(bytes: Buffer, command: number): string {
  const parts: string[] = [];
  for (let k = 0; k < decoder.counts[command]; k++) {
    const at = decoder.bases[command] + k;
    const [start, end] = [decoder.starts[at], decoder.ends[at]];
    check(0 <= start && start <= end && end <= bytes.length, "keeps ranges inside the buffer");
    parts.push(`${end - start}:${bytes.toString("latin1", start, end)}`);
  }
  return parts.join(" ");
}

function sameDecoded(left: Decoded, right: Decoded): boolean {
  if (left.error !== right.error || left.commands.length !== right.commands.length) return false;
  return left.commands.every((command, k) => command === right.commands[k]);
}

const LINES = ["PING", "SET k v", "SET \"a b\" 'c'", '"\\x41\\n"', '"open', "'", "  ", "", "a\0b"];
const ENDS = ["\r\n", "\n", "\r", "", "\r\r\n"];

function argument(choices: Choices): Uint8Array | string {
  const kind = choices.below(8);
  if (kind === 0) return Buffer.from(choices.pick(HOSTILE_STRINGS.map(String)));
  if (kind === 1) return choices.bytes(choices.below(40));
  if (kind === 2) return "x".repeat(choices.below(300));
  return choices.pick(["GET", "SET", "key", "v", "", "100"]);
}

function wellFormed(choices: Choices): Buffer {
  const count = choices.oneIn(20) ? choices.below(1500) : 1 + choices.below(12);
  return encodeCommand(Array.from({ length: Math.max(1, count) }, () => argument(choices)));
}

function hostile(choices: Choices): Buffer {
  const number = choices.pick(HOSTILE_INTEGERS).slice(0, 100);
  switch (choices.below(6)) {
    case 0:
      return Buffer.from(`*${number}${choices.pick(ENDS)}`);
    case 1:
      return Buffer.from(`*1\r\n$${number}${choices.pick(ENDS)}`);
    case 2:
      return Buffer.from(
        `*2\r\n$4\r\nPING${choices.pick(ENDS)}${choices.pick(["+", ":", "*"])}1\r\n`,
      );
    case 3:
      return Buffer.from("*0\r\n*-1\r\n\r\n\n");
    case 4: {
      const frame = wellFormed(choices);
      for (let k = 0; k < 3; k++) frame[choices.below(frame.length)] = choices.below(256);
      return frame;
    }
    default:
      return Buffer.from(choices.pick(LINES) + choices.pick(ENDS), "latin1");
  }
}

function randomPieces(choices: Choices, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  // Not in single bytes where there are many: every piece costs a copy of what waits.
  const shortest = bytes.length >>> 7;
  const longest = 1 + shortest + choices.below(choices.pick([3, 30, 3000]));
  for (let at = 0; at < bytes.length; ) {
    const end = at + Math.max(1, shortest) + choices.below(longest);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** Bytes up to which every single split is tried. */
const EVERY_SPLIT_MAX = 200;

/** Returns what the whole decodes to, and how many ways to split it were tried. */
function compareSplits(
  choices: Choices,
  bytes: Buffer,
  limits: (typeof LIMITS)[0],
): { whole: Decoded; tried: number } {
  const whole = decodePieces([bytes], limits);
  const splits: Buffer[][] = [randomPieces(choices, bytes)];
  if (bytes.length <= EVERY_SPLIT_MAX) {
    splits.push(Array.from(bytes, (byte) => Buffer.from([byte])));
    for (let k = 1; k < bytes.length; k++) splits.push([bytes.subarray(0, k), bytes.subarray(k)]);
  }
  for (const pieces of splits) {
    const decoded = decodePieces(pieces, limits);
    if (sameDecoded(whole, decoded)) continue;
    const sizes = pieces.map((piece) => piece.length).slice(0, 10);
    const frame = JSON.stringify(bytes.toString("latin1").slice(0, 300));
    const results = JSON.stringify([whole, decoded]).slice(0, 600);
    check(false, `${frame} decodes alike when split into ${sizes}: ${results}`);
  }
  return { whole, tried: splits.length + 1 };
}

export const decoderFuzzer: Fuzzer = {
  name: "decoder",
  run(choices, steps) {
    for (let step = 0; step < steps; ) {
      const frames = Array.from({ length: 1 + choices.below(4) }, () => wellFormed(choices));
      const expected = decodePieces(frames).commands;
      check(expected.length === frames.length, "a well-formed frame is one command");
      const valid = compareSplits(choices, Buffer.concat(frames), LIMITS[0]);
      const same = sameDecoded(valid.whole, { commands: expected, error: "" });
      check(same, "well-formed frames decode together as they do one by one");
      const mixed = [...frames.slice(0, choices.below(3)), hostile(choices), hostile(choices)];
      step +=
        valid.tried + compareSplits(choices, Buffer.concat(mixed), choices.pick(LIMITS)).tried;
    }
  },
};
