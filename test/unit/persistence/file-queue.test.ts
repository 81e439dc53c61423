import { describe, expect, test } from "bun:test";
import { FileQueue } from "../../../src/persistence/file-queue.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";

const PATH = "/file";
const MEBIBYTE = 1 << 20;

class Writing {
  readonly disk = new FaultyFileSystem();
  readonly queue: FileQueue;
  readonly #pushed: Uint8Array[] = [];
  readonly written: Uint8Array[] = [];

  constructor() {
    this.queue = new FileQueue(this.disk.create(PATH), (bytes) => this.written.push(bytes));
  }

  piece(length: number): Uint8Array {
    const piece = new Uint8Array(length).fill(this.#pushed.length + 1);
    this.#pushed.push(piece);
    return piece;
  }

  push(length: number): void {
    this.queue.push(this.piece(length));
  }

  get isWhole(): boolean {
    return this.disk.contentOf(PATH).equals(Buffer.concat(this.#pushed));
  }

  get isDurable(): boolean {
    return this.disk.durableContentOf(PATH).equals(Buffer.concat(this.#pushed));
  }
}

const turn = () => new Promise<void>((go) => setImmediate(go));

/** Whether a promise has settled yet. */
function noted(promise: Promise<unknown>): { isSettled: boolean } {
  const note = { isSettled: false };
  const settled = () => {
    note.isSettled = true;
  };
  promise.then(settled, settled);
  return note;
}

describe("a queue of pieces for a new file", () => {
  test("writes one after the other and gives each back once it is written", async () => {
    const writing = new Writing();
    const { disk, queue } = writing;
    disk.holdWrites = true;
    for (let length = 1; length <= 5; length++) writing.push(length);
    for (let written = 0; written < 5; written++) {
      expect(disk.openWrites).toBe(1);
      expect(writing.written.map(({ length }) => length)).toEqual(
        [1, 2, 3, 4, 5].slice(0, written),
      );
      expect(disk.contentOf(PATH).length).toBe((written * (written + 1)) / 2);
      disk.finishWrites();
      await turn();
    }
    expect(queue.waitingBytes).toBe(0);
    await queue.finish();
    expect(writing.isDurable).toBe(true);
  });

  test("finishes only when what is under way has come to its end", async () => {
    const writing = new Writing();
    const { disk, queue } = writing;
    disk.holdWrites = true;
    disk.holdSyncs = true;
    writing.push(10);
    writing.push(10);
    const finished = queue.finish();
    const note = noted(finished);
    for (const open of [1, 1, 0]) {
      await turn();
      expect([disk.openWrites, disk.openSyncs, note.isSettled]).toEqual([open, 1 - open, false]);
      disk.finishWrites();
    }
    expect(writing.isDurable).toBe(false);
    disk.finishSyncs();
    await finished;
    expect(writing.isDurable).toBe(true);
  });

  test("syncs every 16 MB, and writes beside that only what is too much to be kept", async () => {
    const writing = new Writing();
    const { disk, queue } = writing;
    disk.holdSyncs = true;
    for (let k = 0; k < 17; k++) {
      writing.push(MEBIBYTE);
      await turn();
    }
    expect(disk.openSyncs).toBe(1);
    expect(queue.waitingBytes).toBe(MEBIBYTE);
    writing.push(MEBIBYTE);
    await turn();
    expect(queue.waitingBytes).toBe(MEBIBYTE);
    for (let k = 0; k < 18; k++) writing.push(MEBIBYTE);
    await turn();
    expect(disk.openSyncs).toBe(1);
    expect(queue.waitingBytes).toBe(MEBIBYTE);
    disk.finishSyncs();
    await turn();
    // What was written meanwhile is more than 16 MB again.
    expect(disk.openSyncs).toBe(1);
    disk.holdSyncs = false;
    disk.finishSyncs();
    await queue.finish();
    expect(writing.isDurable).toBe(true);
  });

  test("writes at once, beside a write under way, where somebody blocks for it", async () => {
    const writing = new Writing();
    const { disk, queue } = writing;
    disk.holdWrites = true;
    for (let length = 1; length <= 3; length++) writing.push(length);
    queue.pushNow(writing.piece(4));
    expect([...disk.contentOf(PATH)]).toEqual([0, 2, 2, 3, 3, 3, 4, 4, 4, 4]);
    expect(queue.waitingBytes).toBe(1);
    const finished = queue.finish();
    const note = noted(finished);
    await turn();
    expect(note.isSettled).toBe(false);
    disk.finishWrites();
    await finished;
    expect(writing.isDurable).toBe(true);
  });

  test("blocks until everything is on the disk where all was handed over so", () => {
    const writing = new Writing();
    writing.queue.pushNow(writing.piece(7));
    writing.queue.pushNow(writing.piece(9));
    writing.queue.finishNow();
    expect(writing.isDurable).toBe(true);
  });

  for (const late of [false, true]) {
    test(`says that a write failed${late ? ", also after others got through" : ""}`, async () => {
      const writing = new Writing();
      const { disk, queue } = writing;
      disk.holdWrites = late;
      disk.fault = (operation) => (operation === "write" ? "ENOSPC" : undefined);
      disk.partial = (length) => length >> 1;
      writing.push(10);
      writing.push(10);
      if (late) {
        disk.fault = () => undefined;
        queue.pushNow(writing.piece(10));
        disk.fault = () => "EIO";
        disk.finishWrites();
      }
      await turn();
      expect(queue.failure).toMatchObject({ code: late ? "EIO" : "ENOSPC" });
      expect(disk.openWrites).toBe(0);
      expect(() => queue.pushNow(writing.piece(1))).toThrow("injected");
      expect(queue.finish()).rejects.toThrow("injected");
      expect(writing.isWhole).toBe(false);
    });
  }

  test("says that a sync on the way failed, once the write beside it has ended", async () => {
    const writing = new Writing();
    const { disk, queue } = writing;
    disk.holdSyncs = true;
    disk.fault = (operation) => (operation === "sync" ? "EIO" : undefined);
    for (let k = 0; k < 20; k++) {
      disk.holdWrites = k >= 16;
      writing.push(MEBIBYTE);
      await turn();
    }
    expect([disk.openSyncs, disk.openWrites]).toEqual([1, 1]);
    const finished = queue.finish();
    const note = noted(finished);
    disk.finishSyncs();
    await turn();
    expect([queue.failure !== undefined, note.isSettled]).toEqual([true, false]);
    disk.finishWrites();
    await expect(finished).rejects.toThrow("injected");
  });

  test("notices a file that is not as long as it must be", async () => {
    const disk = new FaultyFileSystem();
    const file = disk.create(PATH);
    const queue = new FileQueue({ ...file, write: async () => {} }, () => {});
    queue.push(new Uint8Array(3));
    await expect(queue.finish()).rejects.toThrow("The file has 0 bytes where 3 were written");
  });
});
