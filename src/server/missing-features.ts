// What the start says of directives that were given a value and change nothing yet.

import { LOG_WARNING, type Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { MissingFeature } from "../config/directive.ts";
import { directives } from "../config/directives.ts";

/** One line in the log for each feature that such directives wait for. */
export function warnOfMissingFeatures(config: Config, logger: Logger): void {
  const given = new Map<MissingFeature, string[]>();
  for (const { name, initial, waitsFor } of directives) {
    if (waitsFor === undefined || config.byteText(name) === initial) continue;
    const names = given.get(waitsFor);
    if (names === undefined) given.set(waitsFor, [name]);
    else names.push(name);
  }
  for (const [feature, names] of given) {
    const list = names.join(", ");
    logger.log(LOG_WARNING, `WARNING: there is no ${feature} here yet; without effect: ${list}`);
  }
}
