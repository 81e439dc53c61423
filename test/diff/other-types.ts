// Keys that are no strings, of every type that our server can make.

import type { Command, Known } from "../harness/differential.ts";

interface OtherType {
  readonly type: string;
  /** The command that makes a key of this type. */
  readonly make: (key: string) => Command;
}

const ALL: readonly (OtherType & { readonly needs: string })[] = [
  { type: "list", needs: "rpush", make: (key) => ["rpush", key, "1", "two", "3"] },
  { type: "set", needs: "sadd", make: (key) => ["sadd", key, "1", "2", "3"] },
  { type: "zset", needs: "zadd", make: (key) => ["zadd", key, "1", "one", "2", "two"] },
  { type: "hash", needs: "hset", make: (key) => ["hset", key, "field", "value"] },
  { type: "stream", needs: "xadd", make: (key) => ["xadd", key, "1-1", "field", "value"] },
];

/** The types other than string that our server has commands for. */
export function otherTypes(known: Known): readonly OtherType[] {
  return ALL.filter(({ needs }) => known(needs));
}
