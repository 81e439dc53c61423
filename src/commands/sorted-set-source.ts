// One of the keys that are combined into a sorted set: a sorted set, or a set, whose members all
// have the score 1; a key that is not there is empty.

import type { Database } from "../keyspace/database.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { SetWalk } from "../keyspace/set-walk.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import type { Pool } from "../memory/pool.ts";
import { RecordView, ZSET } from "../structures/record.ts";
import { SetMember } from "../structures/set-member.ts";

/** Called with a member and its score; false ends the walk. */
type Visit = (bytes: Uint8Array, start: number, end: number, score: number) => boolean;

/** A key to combine; see the head of this file. */
export class ZsetSource {
  readonly view: RecordView;
  /** What its scores are multiplied by. */
  weight = 1;
  size = 0;
  /** The score of the member that `has` found. */
  score = 1;
  #zset: ZsetValue | undefined;
  #set: SetValue | undefined;
  #member: SetMember | undefined;

  constructor(pool: Pool) {
    this.view = new RecordView(pool);
  }

  /** Makes it stand for what the view shows. */
  open(db: Database): void {
    if (this.view.type === ZSET) {
      this.#zset = new ZsetValue().open(db, this.view);
      this.size = this.#zset.size;
    } else {
      this.#set = new SetValue().open(db, this.view);
      this.#member = new SetMember();
      this.size = this.#set.size;
    }
  }

  /** Whether it has a member, whose score is then in `score`. */
  has(bytes: Uint8Array, start: number, end: number): boolean {
    const zset = this.#zset;
    if (zset !== undefined) {
      if (!zset.find(bytes, start, end)) return false;
      this.score = zset.score;
      return true;
    }
    if (this.#set === undefined || this.#member === undefined) return false;
    this.#member.setText(bytes, start, end);
    return this.#set.contains(this.#member);
  }

  /** Visits its members. */
  every(visit: Visit): void {
    const zset = this.#zset;
    if (zset !== undefined) {
      zset.seek(0);
      while (visit(zset.bytes, zset.start, zset.end, zset.score) && zset.next());
    } else if (this.#set !== undefined) {
      const walk = new SetWalk();
      walk.open(this.#set);
      const { member } = walk;
      while (walk.next()) {
        member.text();
        if (!visit(member.bytes, member.start, member.end, 1)) return;
      }
    }
  }
}
