// The values of directives that have a syntax of their own: save points, output buffer limits,
// event classes, percentiles, addresses. Each keeps to the rules of value-types.ts; what a
// canonical text means is told by the functions beside the types.

import { addDecimals, decimalKind, INFINITE, INVALID, SUM_BYTES_MAX } from "../base/decimal.ts";
import { latin1Bytes, latin1Text } from "../base/text.ts";
import { quoted } from "../base/words.ts";
import {
  type ConfigLine,
  InvalidValue,
  memoryText,
  type ParseScope,
  parseMemory,
  parseWhole,
  type ValueType,
} from "./value-types.ts";

/** `save 3600 1 300 100`: save after so many seconds if there were so many changes. */
export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** The value of `save`: pairs of seconds and changes; no pair at all means never. */
export const savePointsType: ValueType = {
  takesWords: true,
  parse(words) {
    // One empty word stands for no words.
    const given = words.length === 1 && words[0] === "" ? [] : words;
    if (given.length % 2 === 1) throw new InvalidValue("Invalid save parameters");
    return given.map(savePointNumber).join(" ");
  },
  lines(name, value) {
    const points = savePoints(value);
    if (points.length === 0) return [{ text: `${name} ""`, needed: true }];
    return points.map((point) => ({
      text: `${name} ${point.seconds} ${point.changes}`,
      needed: true,
    }));
  },
};

function savePointNumber(word: string, index: number): string {
  const value = parseWhole(word, 10);
  const isChanges = index % 2 === 1;
  if (value === undefined || value < (isChanges ? 0n : 1n)) {
    throw new InvalidValue("Invalid save parameters");
  }
  // The number of changes is a C int.
  return `${isChanges ? BigInt.asIntN(32, value) : value}`;
}

/** What a value of `save` means. */
export function savePoints(value: string): SavePoint[] {
  const numbers = words(value).map(Number);
  const points: SavePoint[] = [];
  for (let k = 0; k < numbers.length; k += 2) {
    points.push({ seconds: numbers[k], changes: numbers[k + 1] });
  }
  return points;
}

/** The limits of one class of clients; 0 is no limit. */
export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** The value of `client-output-buffer-limit`. */
export interface OutputBufferLimits {
  readonly normal: OutputBufferLimit;
  readonly replica: OutputBufferLimit;
  readonly pubsub: OutputBufferLimit;
}

const BUFFER_CLASSES = ["normal", "slave", "pubsub"];

/** The value of `client-output-buffer-limit`: class, hard, soft, seconds for each class. */
export const outputBufferLimitsType: ValueType = {
  takesWords: true,
  parse(given, scope) {
    if (given.length % 4 !== 0) {
      throw new InvalidValue("Wrong number of arguments in buffer limit configuration.");
    }
    const result = words(scope.current);
    for (let k = 0; k < given.length; k += 4) {
      const className = given[k].toLowerCase().replace("replica", "slave");
      const position = BUFFER_CLASSES.indexOf(className);
      if (position < 0) {
        throw new InvalidValue("Invalid client class specified in buffer limit configuration.");
      }
      result.splice(position * 4 + 1, 3, ...bufferLimitNumbers(given, k + 1));
    }
    return result.join(" ");
  },
  lines(name, value, initial) {
    const now = words(value);
    const before = words(initial);
    return BUFFER_CLASSES.map((className, index): ConfigLine => {
      const [hard, soft, seconds] = now.slice(index * 4 + 1, index * 4 + 4);
      const limits = `${memoryText(hard)} ${memoryText(soft)} ${seconds}`;
      const needed = [1, 2, 3].some((k) => now[index * 4 + k] !== before[index * 4 + k]);
      return { text: `${name} ${className.replace("slave", "replica")} ${limits}`, needed };
    });
  },
};

function bufferLimitNumbers(given: readonly string[], at: number): string[] {
  const hard = parseMemory(given[at]);
  const soft = parseMemory(given[at + 1]);
  const seconds = parseWhole(given[at + 2], 10);
  // The number of seconds is a C int.
  const kept = seconds === undefined ? -1n : BigInt.asIntN(32, seconds);
  if (hard === undefined || soft === undefined || kept < 0n) {
    throw new InvalidValue(
      "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
    );
  }
  return [`${hard}`, `${soft}`, `${kept}`];
}

/** What a value of `client-output-buffer-limit` means. */
export function outputBufferLimits(value: string): OutputBufferLimits {
  const parts = words(value);
  const limit = (index: number): OutputBufferLimit => ({
    hardBytes: Number(parts[index * 4 + 1]),
    softBytes: Number(parts[index * 4 + 2]),
    softSeconds: Number(parts[index * 4 + 3]),
  });
  return { normal: limit(0), replica: limit(1), pubsub: limit(2) };
}

/** The classes that `A` stands for, in the order in which they are shown. */
const ALL_EVENTS = "g$lshzxetd";
/** Every class in the order in which they are shown. */
const EVENT_ORDER = `${ALL_EVENTS}nKEm`;

/**
 * The value of `notify-keyspace-events`: one letter per class, never `A`. Redis shows `A` for all
 * of its classes and leaves out `n` then, although it is on; hence the value that CONFIG GET shows
 * is not the value itself.
 */
export const keyspaceEventsType: ValueType = {
  takesWords: false,
  parse(given) {
    const classes = new Set<string>();
    for (const letter of given[0]) {
      if (letter === "A") for (const each of ALL_EVENTS) classes.add(each);
      else if (EVENT_ORDER.includes(letter)) classes.add(letter);
      else throw new InvalidValue("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }
    return [...EVENT_ORDER].filter((letter) => classes.has(letter)).join("");
  },
  lines(name, value, initial) {
    return [{ text: `${name} ${quoted(shownEvents(value))}`, needed: value !== initial }];
  },
  shown: shownEvents,
};

function shownEvents(value: string): string {
  if (!value.startsWith(ALL_EVENTS)) return value;
  return `A${value.slice(ALL_EVENTS.length).replace("n", "")}`;
}

/** The value of `latency-tracking-info-percentiles`. */
export const percentilesType: ValueType = {
  takesWords: true,
  parse(given) {
    if (given.length === 1 && given[0] === "") return "";
    return given.map(percentile).join(" ");
  },
  lines(name, value) {
    // Written always, as Redis does.
    return [{ text: `${name} ${value === "" ? '""' : value}`, needed: true }];
  },
};

function percentile(word: string): string {
  const value = numberOf(word);
  if (Number.isNaN(value)) {
    throw new InvalidValue("Invalid latency-tracking-info-percentiles parameters");
  }
  if (value < 0 || value > 100) {
    throw new InvalidValue(
      "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
    );
  }
  return `${Number(value.toFixed(6))}`;
}

/** What a word means as INCRBYFLOAT reads numbers, hexadecimal included; NaN where it is none. */
function numberOf(word: string): number {
  const given = latin1Bytes(word);
  const kind = decimalKind(given, 0, given.length);
  if (kind === INVALID) return Number.NaN;
  if (kind === INFINITE) return Number.POSITIVE_INFINITY;
  const zero = latin1Bytes("0");
  const sum = new Uint8Array(SUM_BYTES_MAX);
  const length = addDecimals(given, 0, given.length, zero, 0, zero.length, sum, 0);
  return Number(latin1Text(sum, 0, length));
}

const OOM_SCORE_BOUND = 2000n;

/** The value of `oom-score-adj-values`: for a primary, a replica and a background child. */
export const oomScoresType: ValueType = {
  takesWords: true,
  parse(given) {
    if (given.length !== 3) throw new InvalidValue("wrong number of arguments");
    return given.map(oomScore).join(" ");
  },
  lines: unquotedLine,
};

function oomScore(word: string): string {
  const value = parseWhole(word, 10);
  if (value === undefined || value < -OOM_SCORE_BOUND || value > OOM_SCORE_BOUND) {
    throw new InvalidValue(
      "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
    );
  }
  return `${value}`;
}

const BIND_ADDRESSES_MAX = 16;

/** The value of `bind`: addresses; a leading `-` means that one may be missing. */
export const addressesType: ValueType = {
  takesWords: true,
  parse(given) {
    if (given.length > BIND_ADDRESSES_MAX) {
      throw new InvalidValue("Too many bind addresses specified.");
    }
    return given.join(" ");
  },
  lines(name, value, initial) {
    // The initial addresses are never written: a line that asks for them is dropped.
    if (value === initial) return [];
    return [{ text: `${name} ${value === "" ? '""' : value}`, needed: true }];
  },
};

/** The value of `replicaof`: a host and a port; empty on a primary. */
export const primaryAddressType: ValueType = {
  takesWords: true,
  parse(given) {
    if (given.length !== 2) throw new InvalidValue("wrong number of arguments");
    const [host, portWord] = given;
    if (host.toLowerCase() === "no" && portWord.toLowerCase() === "one") return "";
    const port = parseWhole(portWord, 10);
    if (port === undefined || port < 0n || port > 65535n) {
      throw new InvalidValue("Invalid master port");
    }
    return `${host} ${port}`;
  },
  lines(name, value) {
    return value === "" ? [] : [{ text: `${name} ${value}`, needed: true }];
  },
};

/** The value of `dir`: an absolute path. */
export const directoryType: ValueType = {
  takesWords: false,
  parse(given, scope: ParseScope) {
    return scope.directory(given[0], scope.current);
  },
  lines(name, value) {
    if (value === "") return [];
    // Written always, so that a server started elsewhere finds its files again.
    return [{ text: `${name} ${quoted(value)}`, needed: true }];
  },
};

function unquotedLine(name: string, value: string, initial: string): ConfigLine[] {
  return [{ text: `${name} ${value}`, needed: value !== initial }];
}

/** The words of a canonical text. */
export function words(value: string): string[] {
  return value === "" ? [] : value.split(" ");
}
