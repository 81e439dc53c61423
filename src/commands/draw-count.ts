// How many elements HRANDFIELD and ZRANDMEMBER are to draw: that many different ones, or, as a
// negative number, so many with repetitions. A word behind it asks for what belongs to each.

import { INT64_MAX } from "../base/ascii.ts";
import type { Context } from "./features.ts";

/** The one int64 whose opposite is none. */
export const BELOW_RANGE =
  "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

/** The count in argument 2, `word` being the only argument that may follow; NaN after an error. */
export function drawCountOrReply(c: Context, word: string): number {
  const count = c.int64(2);
  const hasWord = c.count > 3;
  if (count === undefined) c.reply.notAnInteger();
  else if (count < -INT64_MAX) c.reply.error(BELOW_RANGE);
  else if (c.count > 4 || (hasWord && !c.is(3, word))) c.reply.syntaxError();
  // Twice as many elements must be countable.
  else if (hasWord && (count < -(INT64_MAX / 2n) || count > INT64_MAX / 2n)) {
    c.reply.error("ERR value is out of range");
  } else return Number(count);
  return Number.NaN;
}
