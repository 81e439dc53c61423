// hot path: no allocation per command
//
// A large sorted set: a table of its members (member-table.ts), whose records hold the scores,
// and a tree that orders the same records (score-tree.ts). The member is found through the table,
// the rank through the tree.
//
// Invariants: both have the same records; a record's score is that of its entry in the tree.

import { assert } from "../base/assert.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF } from "../memory/pool.ts";
import type { Container, StructureContext } from "./container.ts";
import { MemberTable } from "./member-table.ts";
import { overwriteExpiry, ZSET } from "./record.ts";
import { ScoreTree } from "./score-tree.ts";

/** Positions of `relocate` from here on are ranks in the tree; below, positions in the table. */
const TREE_POSITIONS = 2 ** 32;
/** Words from a small record's begin to about its end. */
const RECORD_END_WORDS = 7;
/** Pops whose records are loaded together. */
const POPS_LOADED = 8;
/** Keeps loads ahead from being optimised away. */
const loaded = new Uint32Array(1);

/** What the object and the tree take of the JavaScript heap, about. */
const OBJECT_BYTES = 128;

/** A sorted set that outgrew its key's record. */
export class SortedSet implements Container {
  readonly type = ZSET;
  readonly members: MemberTable;
  readonly tree: ScoreTree;
  readonly #context: StructureContext;

  constructor(context: StructureContext, members = new MemberTable(context, ZSET)) {
    this.#context = context;
    this.members = members;
    this.tree = new ScoreTree(context.pool);
  }

  get size(): number {
    return this.tree.size;
  }

  /** The record of a member, or NULL_REF. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const { members } = this;
    return members.find(bytes, start, end, members.hash(bytes, start, end));
  }

  /** The score of a record. */
  scoreOf(ref: number): number {
    return this.members.scoreOf(ref);
  }

  /** Adds a member that is not there. Throws PoolExhausted with nothing changed. */
  add(bytes: Uint8Array, start: number, end: number, score: number): void {
    this.addHashed(bytes, start, end, this.members.hash(bytes, start, end), score);
  }

  /** As `add`, where the member's hash is known. */
  addHashed(bytes: Uint8Array, start: number, end: number, hash: number, score: number): void {
    const { members, tree } = this;
    const ref = members.insertScored(bytes, start, end, hash, score);
    // alloc: `try` costs nothing while nothing is thrown
    try {
      tree.insert(score, ref, bytes, start, end);
    } catch (error) {
      members.remove(ref, hash);
      throw error;
    }
  }

  /** Adds a member that is behind all others and not there. Throws as `add` does. */
  append(bytes: Uint8Array, start: number, end: number, score: number): void {
    const { members, tree } = this;
    const hash = members.hash(bytes, start, end);
    const ref = members.insertScored(bytes, start, end, hash, score);
    // alloc: `try` costs nothing while nothing is thrown
    try {
      tree.append(score, ref);
    } catch (error) {
      members.remove(ref, hash);
      throw error;
    }
  }

  /**
   * Puts all members in order that were put into the table alone. Where memory runs out some are
   * not: then the set can only be released. Cold.
   */
  orderMembers(): void {
    const { members, tree } = this;
    members.forEach((ref) => {
      const { bytes, keyStart, keyEnd, expiryMs: score } = members.load(ref);
      tree.insert(score, ref, bytes, keyStart, keyEnd);
    });
  }

  /** Changes the score of a record. Throws PoolExhausted with nothing changed. */
  setScore(ref: number, score: number): void {
    const { members, tree } = this;
    const former = members.scoreOf(ref);
    const { bytes, keyStart, keyEnd } = members.load(ref);
    tree.setScore(former, score, ref, bytes, keyStart, keyEnd);
    members.setScore(ref, score);
  }

  /** Removes the member of a record. */
  remove(ref: number): void {
    const { members, tree } = this;
    const hash = members.hashOf(ref);
    const { bytes, keyStart, keyEnd } = members.view;
    tree.remove(members.scoreOf(ref), bytes, keyStart, keyEnd);
    members.remove(ref, hash);
  }

  /** The rank of a record, from the lowest score. */
  rankOf(ref: number): number {
    const { members, tree } = this;
    const { bytes, keyStart, keyEnd } = members.load(ref);
    return tree.rankOf(members.scoreOf(ref), bytes, keyStart, keyEnd);
  }

  /** Loads up to `count` records of the cursor's leaf, from the cursor on in either direction. */
  loadAhead(count: number, backward: boolean): void {
    const { tree } = this;
    const words = this.#context.pool.words;
    const first = backward ? Math.max(0, tree.index - count + 1) : tree.index;
    const refs = tree.refsFrom(first);
    const end = refs + Math.min(count, backward ? tree.index + 1 - first : tree.leafCount - first);
    const leafWords = words[tree.leaf >>> CHUNK_SHIFT];
    let sum = 0;
    for (let at = refs; at < end; at++) {
      const ref = leafWords[at];
      const chunk = words[ref >>> CHUNK_SHIFT];
      const word = (ref & GRANULE_MASK) << 1;
      // A record may lie across two cache lines.
      sum ^= chunk[word] ^ chunk[word + RECORD_END_WORDS];
    }
    loaded[0] ^= sum;
  }

  /**
   * Before a pop of what the cursor is on: loads the records of the next eight pops with every
   * eighth one, which the leaf's state tells. The cells they are under were tried and cost more.
   */
  loadForPops(last: boolean): void {
    const { tree } = this;
    const position = last ? tree.leafCount : tree.leafFirst;
    if (position % POPS_LOADED === 0) this.loadAhead(POPS_LOADED, last);
  }

  /** Removes `count` members from a rank on. */
  removeRange(rank: number, count: number): void {
    const { tree } = this;
    let left = count;
    while (left > 0) left -= tree.removeRun(rank, left, this.#forget);
  }

  /** Removes the first or last member. */
  removeEnd(last: boolean): void {
    this.#forget(this.tree.removeRank(last ? this.tree.size - 1 : 0));
  }

  /** Removes a record from the table alone. */
  readonly #forget = (ref: number): void => {
    this.members.remove(ref, this.members.hashOf(ref));
  };

  /** A copy that shares nothing with it. Where memory runs out nothing has changed. Cold. */
  clone(): SortedSet {
    const { members, tree } = this;
    const { pool } = this.#context;
    // While members are copied, a record says in place of its score where its copy is; the tree
    // knows the scores.
    let twin: SortedSet | undefined;
    try {
      const copies = members.clone((ref, copy) => overwriteExpiry(pool, ref, copy));
      twin = new SortedSet(this.#context, copies);
      let isEntry = this.#seekFirst();
      while (isEntry) {
        twin.tree.append(tree.score, members.scoreOf(tree.ref));
        isEntry = tree.next();
      }
      return twin;
    } catch (error) {
      while (twin !== undefined && !twin.release(TREE_POSITIONS));
      throw error;
    } finally {
      for (let isEntry = this.#seekFirst(); isEntry; isEntry = tree.next()) {
        overwriteExpiry(pool, tree.ref, tree.score);
      }
    }
  }

  #seekFirst(): boolean {
    if (this.size === 0) return false;
    this.tree.seekRank(0);
    return true;
  }

  release(count: number): boolean {
    return this.tree.release(count) && this.members.release(count);
  }

  /** Cold. */
  relocate(position: number, count: number): number {
    const { members, tree } = this;
    if (position < TREE_POSITIONS) {
      const next = members.relocate(position, count, (ref, fresh) => {
        const { bytes, keyStart, keyEnd } = members.load(ref);
        tree.replaceRef(members.scoreOf(ref), fresh, bytes, keyStart, keyEnd);
      });
      return next > 0 ? next : TREE_POSITIONS;
    }
    const next = tree.relocate(position - TREE_POSITIONS, count);
    return next > 0 ? next + TREE_POSITIONS : 0;
  }

  memoryUsage(samples: number): number {
    return OBJECT_BYTES + this.members.memoryUsage(samples) + this.tree.nodeBytes;
  }

  /** Cold. */
  verify(): void {
    const { members, tree } = this;
    members.verify();
    assert(members.size === tree.size, "table and tree have as many members");
    let former = NULL_REF;
    let formerScore = 0;
    const bytesOf = (ref: number) => {
      const { bytes, keyStart, keyEnd } = members.load(ref);
      return bytes.slice(keyStart, keyEnd);
    };
    tree.verify((score, ref) => {
      assert(Object.is(score, members.scoreOf(ref)), "a record has the score of its entry");
      const member = bytesOf(ref);
      assert(this.find(member, 0, member.length) === ref, "the table has the tree's records");
      const isTie = former !== NULL_REF && formerScore === score;
      assert(!isTie || Buffer.compare(bytesOf(former), member) < 0, "equal scores go by member");
      former = ref;
      formerScore = score;
    });
  }
}
