// hot path: no allocation per command
//
// Who follows the changes of keys: clients that watch some (WATCH), and those that cache what they
// have read (CLIENT TRACKING). The keyspace tells of every record that the running command may be
// about to change; followers note what concerns them, and are told once the command has run whether
// it did change data. What goes by expiry, eviction or flushing is a change at once.
//
// Nobody following, `Keyspace.isFollowed` is false, and a write pays for one test.

import type { Database } from "./database.ts";

/** Follows changes to keys. */
export interface ChangeFollower {
  /** The record may be about to change, to be replaced or to be deleted by a command. */
  beforeWrite(db: Database, ref: number, hash: number): void;
  /** The record is new. */
  afterCreate(db: Database, ref: number, hash: number): void;
  /** The record goes, or a field of it: because its time has come, or to make room. */
  beforeLoss(db: Database, ref: number, hash: number): void;
  /** All of a database is about to go. */
  beforeClear(db: Database): void;
  /** Two databases are about to exchange their contents. */
  beforeSwap(left: Database, right: Database): void;
  /** The command has ended; `changed` says whether it changed data, `flags` are its own. */
  settle(changed: boolean, flags: number): void;
}

/** The followers of one keyspace. */
export class Changes {
  readonly #followers: ChangeFollower[] = [];
  /** A follower has noted a key that the running command may change: `settle` is to be called. */
  hasNoted = false;

  get followerCount(): number {
    return this.#followers.length;
  }

  /** For `Keyspace.follow`. */
  add(follower: ChangeFollower): void {
    if (!this.#followers.includes(follower)) this.#followers.push(follower);
  }

  /** For `Keyspace.unfollow`. */
  remove(follower: ChangeFollower): void {
    const index = this.#followers.indexOf(follower);
    if (index >= 0) this.#followers.splice(index, 1);
  }

  /** Ends the running command, or whatever else has changed data; see `ChangeFollower`. */
  settle(changed: boolean, flags: number): void {
    if (!this.hasNoted) return;
    this.hasNoted = false;
    const followers = this.#followers;
    // Backwards: one that has nothing left to follow takes itself out.
    for (let k = followers.length - 1; k >= 0; k--) followers[k].settle(changed, flags);
  }

  beforeWrite(db: Database, ref: number, hash: number): void {
    const followers = this.#followers;
    for (let k = followers.length - 1; k >= 0; k--) followers[k].beforeWrite(db, ref, hash);
  }

  afterCreate(db: Database, ref: number, hash: number): void {
    const followers = this.#followers;
    for (let k = followers.length - 1; k >= 0; k--) followers[k].afterCreate(db, ref, hash);
  }

  beforeLoss(db: Database, ref: number, hash: number): void {
    const followers = this.#followers;
    for (let k = followers.length - 1; k >= 0; k--) followers[k].beforeLoss(db, ref, hash);
  }

  beforeClear(db: Database): void {
    const followers = this.#followers;
    for (let k = followers.length - 1; k >= 0; k--) followers[k].beforeClear(db);
  }

  beforeSwap(left: Database, right: Database): void {
    const followers = this.#followers;
    for (let k = followers.length - 1; k >= 0; k--) followers[k].beforeSwap(left, right);
  }
}
