// Going through one collection piece by piece: what SSCAN, HSCAN and ZSCAN have in common.

import { globMatches, matchesEverything } from "../base/glob.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { Context } from "./features.ts";
import { countOrReply } from "./scan.ts";

const COUNT_DEFAULT = 10;

/** What the options of a collection's scan ask for. */
export interface CollectionScan {
  /** About how many elements to look at. */
  readonly count: number;
  /** HSCAN's NOVALUES. */
  readonly noValues: boolean;
  /** Whether the element bytes[start, end) is wanted. */
  matches(bytes: Uint8Array, start: number, end: number): boolean;
}

/** A scan's options from argument 3 on; undefined after an error. Only HSCAN takes NOVALUES. */
export function collectionScanOrReply(
  c: Context,
  takesNoValues: boolean,
): CollectionScan | undefined {
  let count = COUNT_DEFAULT;
  let noValues = false;
  let matches: CollectionScan["matches"] = () => true;
  for (let index = 3; index < c.count; index++) {
    const hasValue = index + 1 < c.count;
    if (hasValue && c.is(index, "count")) {
      count = countOrReply(c, ++index);
      if (count === 0) return undefined;
    } else if (hasValue && c.is(index, "match")) {
      const patternStart = c.start(++index);
      const patternEnd = c.end(index);
      const pattern = c.bytes;
      matches = matchesEverything(pattern, patternStart, patternEnd)
        ? () => true
        : (bytes, start, end) => globMatches(pattern, patternStart, patternEnd, bytes, start, end);
    } else if (c.is(index, "novalues")) {
      if (!takesNoValues) {
        c.reply.error("ERR NOVALUES option can only be used in HSCAN");
        return undefined;
      }
      noValues = true;
    } else {
      c.reply.syntaxError();
      return undefined;
    }
  }
  return { count, noValues, matches };
}

/** What a scan of a key that is not there answers. */
export function replyEmptyScan(reply: ReplyWriter): void {
  reply.array(2);
  reply.bulkInteger(0);
  reply.array(0);
}
