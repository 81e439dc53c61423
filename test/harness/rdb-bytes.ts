// RDB files made by hand, byte by byte, and read into a keyspace of their own. Nothing here uses
// the writer of the server under test.

import { Crc64 } from "../../src/base/crc64.ts";
import type { Keyspace } from "../../src/keyspace/keyspace.ts";
import { RdbLoader, type RdbLoadOptions } from "../../src/persistence/rdb-load.ts";
import { RdbReader } from "../../src/persistence/rdb-reader.ts";
import { RdbSaver } from "../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../src/persistence/snapshot.ts";
import type { ServerFixture } from "../unit/server/server-fixture.ts";

/** A byte, Latin-1 text, or bytes. */
export type Part = number | string | Uint8Array;

const EOF = 0xff;
const CHECKSUM_BYTES = 8;
/** Versions from here on end in a checksum. */
const CHECKSUM_VERSION = 5;

export function bytesOf(...parts: Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "number"
        ? Buffer.from([part])
        : typeof part === "string"
          ? Buffer.from(part, "latin1")
          : part,
    ),
  );
}

/** A length as RDB has it, in the shortest form. */
export function lengthOf(value: number): Buffer {
  if (value < 64) return bytesOf(value);
  if (value < 16384) return bytesOf(0x40 | (value >> 8), value & 0xff);
  const word = Buffer.alloc(4);
  word.writeUInt32BE(value);
  return bytesOf(0x80, word);
}

/** A string with its length in front. */
export function stringOf(...parts: Part[]): Buffer {
  const content = bytesOf(...parts);
  return bytesOf(lengthOf(content.length), content);
}

/** A whole file of a version with these items; it ends in a checksum where the version has one. */
export function rdbFile(version: number, ...items: Part[]): Buffer {
  const head = bytesOf("REDIS", String(version).padStart(4, "0"), ...items, EOF);
  return version < CHECKSUM_VERSION ? head : withChecksum(bytesOf(head, "\0".repeat(8)));
}

/** What DUMP returns for these bytes: with a version and a checksum behind them. */
export function dumpPayload(version: number, ...parts: Part[]): Buffer {
  return withChecksum(bytesOf(...parts, version & 0xff, version >> 8, "\0".repeat(8)));
}

/** Bytes with the last eight of them made the checksum of what is before them. */
export function withChecksum(file: Uint8Array): Buffer {
  const copy = Buffer.from(file);
  const at = copy.length - CHECKSUM_BYTES;
  const crc = new Crc64();
  crc.update(copy, 0, at);
  crc.write(copy, at);
  return copy;
}

/** Reads bytes into a keyspace; throws the loader's errors. */
export function loadBytes(
  bytes: Uint8Array,
  fixture: ServerFixture,
  options: Partial<RdbLoadOptions> = {},
): RdbLoader {
  const reader = RdbReader.over(bytes, 0, bytes.length);
  const loader = new RdbLoader(reader, {
    keyspace: fixture.keyspace,
    clock: fixture.clock,
    dropsExpired: false,
    verifiesChecksum: true,
    onLibrary: (code) =>
      code !== undefined && fixture.server.libraries.loadFromFile(code, false) === "",
    ...options,
  });
  while (loader.step(Number.POSITIVE_INFINITY));
  return loader;
}

/** What the server's writer makes of a keyspace. */
export function savedBytes(keyspace: Keyspace, fixture: ServerFixture, version = 10): Buffer {
  const saver = new RdbSaver(keyspace, {
    version,
    compresses: true,
    hasChecksum: true,
    access: "none",
    fields: [["ctime", "1700000000"]],
    libraries: fixture.server.libraries.sources,
  });
  saver.begin();
  const snapshot = new Snapshot(keyspace, fixture.clock, saver);
  while (snapshot.step(Number.POSITIVE_INFINITY));
  return Buffer.from(saver.end());
}
