import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskFileSystem } from "../../../src/persistence/file.ts";
import {
  directoryOf,
  joinPath,
  replaceFile,
  systemErrorText,
} from "../../../src/persistence/file-system.ts";

let folder: string;
let serial = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "file-test-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function scratch(content = ""): string {
  const path = join(folder, String(serial++));
  writeFileSync(path, content);
  return path;
}

const bytesOf = (text: string) => Buffer.from(text);

describe("an append file on the disk", () => {
  test("goes on behind what is there and proves every write", () => {
    const path = scratch("0123");
    const file = diskFileSystem.openAppend(path);
    expect(file.size()).toBe(4);
    expect(file.write(bytesOf("xabx"), 1, 3)).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe("0123ab");
    const large = new Uint8Array(300_000).fill(65);
    expect(file.write(large, 0, large.length)).toBeUndefined();
    expect(file.size()).toBe(300_006);
    file.syncNow();
    file.close();
  });

  test("is written in the thread pool as well, and that is proved, too", async () => {
    const path = scratch("0123");
    const file = diskFileSystem.openAppend(path);
    expect(file.write(bytesOf("ab"), 0, 2)).toBeUndefined();
    const large = new Uint8Array(3_000_000).fill(65);
    await file.writeInBackground(bytesOf("xcdx"), 1, 3);
    await file.writeInBackground(large, 10, large.length);
    file.truncate(10);
    expect(file.write(bytesOf("ef"), 0, 2)).toBeUndefined();
    await file.writeInBackground(bytesOf("gh"), 0, 2);
    expect(readFileSync(path, "utf8")).toBe("0123abcdAAefgh");
    truncateSync(path, 3);
    await expect(file.writeInBackground(bytesOf("ij"), 0, 2)).rejects.toThrow(
      "Another process writes to the file: 5 bytes where 16",
    );
    file.close();
    const full = diskFileSystem.openAppend("/dev/full");
    const error = await full.writeInBackground(large, 0, 5).catch((reason: unknown) => reason);
    expect(systemErrorText(error)).toBe("No space left on device");
    full.close();
  });

  test("writes at the new end after it was cut back", async () => {
    const path = scratch("0123456789");
    const file = diskFileSystem.openAppend(path);
    file.truncate(3);
    expect(file.write(bytesOf("ab"), 0, 2)).toBeUndefined();
    await file.sync();
    expect(readFileSync(path, "utf8")).toBe("012ab");
    file.close();
  });

  test("is never made longer by truncate", () => {
    const path = scratch("0123");
    const file = diskFileSystem.openAppend(path);
    expect(() => file.truncate(5)).toThrow("The file has 4 bytes where 5 were written");
    expect(readFileSync(path, "utf8")).toBe("0123");
    file.close();
  });

  test("notices that someone else cut it", async () => {
    const path = scratch("0123");
    const file = diskFileSystem.openAppend(path);
    truncateSync(path, 0);
    await expect(file.write(bytesOf("ab"), 0, 2)).rejects.toThrow(
      "Another process writes to the file: 2 bytes where 6",
    );
    file.close();
  });

  test("reports every failing write, though the sink forgets", async () => {
    const file = diskFileSystem.openAppend("/dev/full");
    for (const length of [1, 100, 100_000]) {
      const outcome = file.write(new Uint8Array(length), 0, length);
      const error: unknown = await outcome?.catch((reason: unknown) => reason);
      expect(systemErrorText(error)).toBe("No space left on device");
    }
    file.close();
  });
});

describe("a new file on the disk", () => {
  const fresh = () => join(folder, `new-${serial++}`);

  test("is there only once", () => {
    const path = scratch("0123");
    expect(() => diskFileSystem.create(path)).toThrow("EEXIST");
    expect(readFileSync(path, "utf8")).toBe("0123");
  });

  test("takes parts at their places in any order, blocking or not", async () => {
    const path = fresh();
    const file = diskFileSystem.create(path);
    const large = new Uint8Array(3_000_000).fill(65);
    const first = file.write(bytesOf("xabx"), 1, 3, 0);
    file.writeNow(bytesOf("yefy"), 1, 3, 4);
    const rest = file.write(large, 100, large.length, 6);
    await file.write(bytesOf("cd"), 0, 2, 2);
    await Promise.all([first, rest]);
    await file.sync();
    file.syncNow();
    expect(file.size()).toBe(3_000_000 - 94);
    file.close();
    const found = readFileSync(path, "utf8");
    expect([found.length, found.slice(0, 8)]).toEqual([3_000_000 - 94, "abcdefAA"]);
  });

  test("that is closed meanwhile keeps its descriptor until nothing is under way", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    const bytes = new Uint8Array(2_000_000).fill(65);
    const others: string[] = [];
    for (let k = 0; k < 20; k++) {
      const path = fresh();
      const file = diskFileSystem.create(path);
      const written = Promise.allSettled([1, 2, 3].map((n) => file.write(bytes, 0, n * 5e5, 0)));
      const synced = file.sync();
      file.close();
      // Would take the number of a descriptor that is free too early.
      others.push(scratch(`other ${k}`));
      const other = diskFileSystem.openAppend(others[k]);
      await expect(file.write(bytes, 0, 1, 0)).rejects.toThrow("The file is closed");
      await Promise.all([written, synced]);
      other.close();
      expect(readFileSync(path).every((byte) => byte === 65)).toBe(true);
    }
    expect(others.map((path) => readFileSync(path, "utf8"))).toEqual(
      others.map((_, k) => `other ${k}`),
    );
    while (open() > before) await Bun.sleep(1);
  });
});

test("a file read in pieces ends where it ends", () => {
  const file = diskFileSystem.openRead(scratch("abcdef"));
  const target = new Uint8Array(8);
  expect(file.size()).toBe(6);
  expect(file.read(target, 2, 4, 1)).toBe(4);
  expect(Buffer.from(target).toString()).toBe("\0\0bcde\0\0");
  expect(file.read(target, 0, 8, 4)).toBe(2);
  expect(file.read(target, 0, 8, 6)).toBe(0);
  file.close();
});

test("names are taken away without leaving descriptors open", async () => {
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  for (let k = 0; k < 20; k++) {
    const [from, to] = [scratch("new"), scratch("old")];
    diskFileSystem.rename(from, to);
    expect(readFileSync(to, "utf8")).toBe("new");
    expect(diskFileSystem.exists(from)).toBe(false);
    diskFileSystem.remove(to);
    expect(diskFileSystem.exists(to)).toBe(false);
    expect(() => diskFileSystem.remove(to)).toThrow("ENOENT");
    expect(() => diskFileSystem.rename(to, from)).toThrow("ENOENT");
    diskFileSystem.openAppend(from).close();
  }
  while (open() > before) await Bun.sleep(1);
});

test("a file is replaced as a whole", async () => {
  const path = join(folder, "replaced");
  await replaceFile(diskFileSystem, folder, "replaced", bytesOf("one"));
  expect(readFileSync(path, "utf8")).toBe("one");
  await replaceFile(diskFileSystem, folder, "replaced", bytesOf("two"));
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(diskFileSystem.list(folder)).not.toContain("temp-replaced");
});

test("directories are created once and listed", () => {
  const path = joinPath(folder, "sub");
  expect(diskFileSystem.isDirectory(path)).toBe(false);
  diskFileSystem.makeDirectory(path);
  diskFileSystem.makeDirectory(path);
  expect(diskFileSystem.isDirectory(path)).toBe(true);
  writeFileSync(joinPath(path, "a"), "");
  diskFileSystem.rename(joinPath(path, "a"), joinPath(path, "b"));
  diskFileSystem.syncDirectory(path);
  expect(diskFileSystem.list(path)).toEqual(["b"]);
  diskFileSystem.remove(joinPath(path, "b"));
  expect(diskFileSystem.exists(joinPath(path, "b"))).toBe(false);
});

test("system errors read as the C library words them", () => {
  const missing = () => diskFileSystem.openRead(join(folder, "missing"));
  expect(missing).toThrow();
  try {
    missing();
  } catch (error) {
    expect(systemErrorText(error)).toBe("No such file or directory");
  }
  expect(systemErrorText(new Error("as it is"))).toBe("as it is");
});

test("paths are joined and taken apart", () => {
  expect(joinPath("/a", "b")).toBe("/a/b");
  expect(joinPath("/", "b")).toBe("/b");
  expect(joinPath(".", "b")).toBe("./b");
  expect(directoryOf("/a/b")).toBe("/a");
  expect(directoryOf("/b")).toBe("/");
  expect(directoryOf("b")).toBe(".");
});
