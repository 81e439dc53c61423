// The classes of keyspace events, one bit each: what `notify-keyspace-events` chooses from. An
// event is told where its class is on; the first two bits say in which of two ways.

/** On "__keyspace@<db>__:<key>": what happened to a key. */
export const EVENT_BY_KEY = 1 << 0;
/** On "__keyevent@<db>__:<event>": to which key it happened. */
export const EVENT_BY_NAME = 1 << 1;

export const EVENT_GENERIC = 1 << 2;
export const EVENT_STRING = 1 << 3;
export const EVENT_LIST = 1 << 4;
export const EVENT_SET = 1 << 5;
export const EVENT_HASH = 1 << 6;
export const EVENT_ZSET = 1 << 7;
export const EVENT_EXPIRED = 1 << 8;
export const EVENT_EVICTED = 1 << 9;
export const EVENT_STREAM = 1 << 10;
export const EVENT_KEY_MISS = 1 << 11;
export const EVENT_MODULE = 1 << 12;
export const EVENT_NEW = 1 << 13;

const LETTERS: readonly (readonly [letter: string, bit: number])[] = [
  ["K", EVENT_BY_KEY],
  ["E", EVENT_BY_NAME],
  ["g", EVENT_GENERIC],
  ["$", EVENT_STRING],
  ["l", EVENT_LIST],
  ["s", EVENT_SET],
  ["h", EVENT_HASH],
  ["z", EVENT_ZSET],
  ["x", EVENT_EXPIRED],
  ["e", EVENT_EVICTED],
  ["t", EVENT_STREAM],
  ["m", EVENT_KEY_MISS],
  ["d", EVENT_MODULE],
  ["n", EVENT_NEW],
];

/** The bits that letters stand for; 0 where neither way of telling is among them. */
export function eventClasses(letters: string): number {
  let bits = 0;
  for (const [letter, bit] of LETTERS) if (letters.includes(letter)) bits |= bit;
  return (bits & (EVENT_BY_KEY | EVENT_BY_NAME)) === 0 ? 0 : bits;
}
