// The waiting clients of a server under test where nobody who waits is ever served.

import { Blocking, type BlockingHost } from "../../../src/blocking/blocking.ts";
import type { Keyspace } from "../../../src/keyspace/keyspace.ts";

const NOBODY_SERVES: BlockingHost = {
  rerun: () => false,
  giveUp: () => {},
  released: () => {},
  deadlineSet: () => {},
};

export function nobodyWaits(keyspace: Keyspace): Blocking {
  return new Blocking(keyspace, NOBODY_SERVES);
}
