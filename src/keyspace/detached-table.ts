// The table of a database that has been emptied, on its way out: its records and their containers
// are given back in slices.

import type { CellTable } from "../memory/cell-table.ts";
import type { Releasable } from "../structures/container.ts";
import { CONTAINER, handleIn, type RecordView } from "../structures/record.ts";
import type { Keyspace } from "./keyspace.ts";

/** Frees a table that no database uses any more. */
export class DetachedTable implements Releasable {
  readonly #keyspace: Keyspace;
  readonly #table: CellTable;
  #position = 0;

  constructor(keyspace: Keyspace, table: CellTable) {
    this.#keyspace = keyspace;
    this.#table = table;
  }

  /** Frees the records of as many segments as hold about `count` of them. */
  release(count: number): boolean {
    const { discardView: view } = this.#keyspace;
    let freed = 0;
    do {
      this.#position = this.#table.scan(this.#position, Number.POSITIVE_INFINITY, (ref) => {
        view.load(ref, 0);
        if (view.encoding === CONTAINER) this.#discardContainer(view);
        this.#keyspace.freeBlock(ref);
        freed++;
      });
    } while (this.#position !== 0 && freed < count);
    if (this.#position !== 0) return false;
    this.#table.dispose();
    return true;
  }

  #discardContainer(view: RecordView): void {
    const keyspace = this.#keyspace;
    keyspace.discard(keyspace.containers.remove(handleIn(view)));
  }
}
