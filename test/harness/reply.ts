// A RESP2 and RESP3 reply parser for tests: naive on purpose and sharing nothing with src, so that
// a mistake in our own encoder cannot hide in the test that looks at its output.

/** One parsed reply. Text is latin1: one character per byte, so nothing is lost. */
export interface Reply {
  /** The type byte: + - : $ * _ # , ( ! = % ~ > or "closed" / "silent" when none came. */
  readonly kind: string;
  /** The payload of a scalar; empty for aggregates and nulls. */
  readonly text: string;
  /** The elements of an aggregate; a map's keys and values alternate. */
  readonly items: readonly Reply[];
  readonly isNull: boolean;
  /** Exactly the bytes that were received for this reply. */
  readonly raw: string;
}

/** The connection was closed where a reply was due. */
export const CLOSED: Reply = pseudoReply("closed");
/** No reply came within the client's patience. */
export const SILENT: Reply = pseudoReply("silent");

function pseudoReply(kind: string): Reply {
  return { kind, text: "", items: [], isNull: false, raw: `<${kind}>` };
}

/** An error reply, as `RawClient.run` throws it. */
export class ReplyError extends Error {
  override name = "ReplyError";
}

/** Parses the reply at `start`; undefined while bytes are missing; throws on garbage. */
export function parseReply(bytes: Buffer, start = 0, length = bytes.length): Reply | undefined {
  return parseReplyText(bytes.toString("latin1", start, length), 0);
}

/** The same of a text of one character per byte, in which many replies may stand. */
export function parseReplyText(text: string, start: number): Reply | undefined {
  return parseNode(text, start)?.reply;
}

interface Node {
  readonly reply: Reply;
  readonly end: number;
}

const LENGTH = /^(-1|\d+)$/;
const NO_ITEMS: readonly Reply[] = [];

function parseNode(bytes: string, start: number): Node | undefined {
  const { length } = bytes;
  if (start >= length) return undefined;
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const kind = bytes[start];
  const line = bytes.slice(start + 1, lineEnd);
  const bodyStart = lineEnd + 2;
  if ("+-:_#,(".includes(kind)) {
    return nodeOf(bytes, start, bodyStart, line, NO_ITEMS, kind === "_");
  }
  const count = Number(line);
  if (!LENGTH.test(line)) throw malformed(bytes, start, "a bad length");
  if ("$!=".includes(kind)) {
    if (count < 0) return nodeOf(bytes, start, bodyStart, "", NO_ITEMS, true);
    const end = bodyStart + count + 2;
    if (end > length) return undefined;
    if (!bytes.startsWith("\r\n", end - 2)) throw malformed(bytes, start, "no line end");
    return nodeOf(bytes, start, end, bytes.slice(bodyStart, end - 2), NO_ITEMS, false);
  }
  if (!"*%~>|".includes(kind)) throw malformed(bytes, start, "an unknown type");
  if (count < 0) return nodeOf(bytes, start, bodyStart, "", NO_ITEMS, true);
  // An attribute is a map in front of the reply it belongs to.
  const elements = kind === "%" ? count * 2 : kind === "|" ? count * 2 + 1 : count;
  const items: Reply[] = [];
  let at = bodyStart;
  for (let k = 0; k < elements; k++) {
    const node = parseNode(bytes, at);
    if (node === undefined) return undefined;
    items.push(node.reply);
    at = node.end;
  }
  return nodeOf(bytes, start, at, "", items, false);
}

function nodeOf(
  bytes: string,
  start: number,
  end: number,
  text: string,
  items: readonly Reply[],
  isNull: boolean,
): Node {
  const reply = { kind: bytes[start], text, items, isNull, raw: bytes.slice(start, end) };
  return { end, reply };
}

function malformed(bytes: string, at: number, problem: string): Error {
  const excerpt = JSON.stringify(bytes.slice(at, at + 80));
  return new Error(`reply with ${problem} at byte ${at}: ${excerpt}`);
}

/** What a reply means to a test: see `plainValue`. */
export type Value = string | number | bigint | boolean | null | ReplyError | Value[];

/**
 * A reply as a plain value: strings (latin1), numbers (bigint past 2^53), booleans, null, arrays;
 * a map is a flat array of keys and values; an error is a ReplyError.
 */
export function plainValue(reply: Reply): Value {
  if (reply.isNull) return null;
  switch (reply.kind) {
    case "-":
    case "!":
      return new ReplyError(reply.text);
    case ":": {
      const value = Number(reply.text);
      return Number.isSafeInteger(value) ? value : BigInt(reply.text);
    }
    case ",":
      return Number(reply.text.replace("inf", "Infinity"));
    case "(":
      return BigInt(reply.text);
    case "#":
      return reply.text === "t";
    case "=":
      return reply.text.slice(4);
    case "*":
    case "%":
    case "~":
    case ">":
      return reply.items.map(plainValue);
    case "|":
      return plainValue(reply.items[reply.items.length - 1]);
    default:
      return reply.text;
  }
}
