// What all values too large for their key's record have in common. The record then holds a handle
// of four bytes; the value is an object over typed arrays and pool blocks of its own.

import type { KeyHasher } from "../base/key-hash.ts";
import type { Random } from "../base/random.ts";
import type { Pool } from "../memory/pool.ts";

/** What structures are built with. */
export interface StructureContext {
  readonly pool: Pool;
  /** Hashes of members and fields, keyed as those of keys are. */
  readonly hasher: KeyHasher;
  readonly random: Random;
}

/** Something that holds many pool blocks and gives them back in slices. */
export interface Releasable {
  /**
   * Frees about `count` blocks; true once nothing is left. From the first call on it can be used
   * for nothing else.
   */
  release(count: number): boolean;
}

/** Where the members of a collection are looked up by their hashes. */
export interface MemberIndex {
  /** Loads a member's home cell. */
  touch(hash: number): number;
  /** The ref of the first record under a hash, or NULL_REF. */
  peek(hash: number): number;
}

/** A collection that outgrew its key's record. */
export interface Container extends Releasable {
  /** Lets a batch of commands load ahead what their lookups will touch. */
  readonly members?: MemberIndex;
  /** Its type as records number it. */
  readonly type: number;
  /** Elements, as the type's length command counts them. */
  readonly size: number;
  /** A copy that shares nothing with it. Where memory runs out nothing has changed. */
  clone(): Container;
  /**
   * Moves what lies in chunks being evacuated out of them: about `count` blocks from a position on
   * are looked at. Returns the next position, 0 at the end.
   */
  relocate(position: number, count: number): number;
  /** Bytes it takes, from a sample of `samples` elements; 0 looks at all of them. */
  memoryUsage(samples: number): number;
  /** Checks its invariants. Throws on the first violation. */
  verify(): void;
}

/** The containers of a keyspace by handle. */
export class ContainerTable {
  readonly #containers: (Container | undefined)[] = [];
  readonly #unused: number[] = [];

  /** Handles given so far: every one in use is below. */
  get handleCount(): number {
    return this.#containers.length;
  }

  /** Gives a container a handle. */
  add(container: Container): number {
    const handle = this.#unused.length > 0 ? this.#unused.pop()! : this.#containers.length;
    this.#containers[handle] = container;
    return handle;
  }

  /** The container of a handle in use; undefined for one that is not. */
  get(handle: number): Container | undefined {
    return this.#containers[handle];
  }

  /** Takes a handle out of use; returns its container. */
  remove(handle: number): Container {
    const container = this.#containers[handle]!;
    this.#containers[handle] = undefined;
    this.#unused.push(handle);
    return container;
  }
}
