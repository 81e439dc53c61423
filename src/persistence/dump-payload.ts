// A value by itself, as DUMP returns it and RESTORE takes it, and libraries of functions, as
// FUNCTION DUMP and FUNCTION RESTORE do:
//
//   RDB type (1 byte) | value | RDB version (u16 LE) | CRC-64 of all before (8 bytes)
//   { opcode (1 byte) | source as an RDB string } | version | CRC-64

import { Crc64 } from "../base/crc64.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { RecordView } from "../structures/record.ts";
import {
  isKnownVersion,
  RDB_OPCODE_FUNCTION,
  RDB_OPCODE_FUNCTION_PRE_GA,
  RDB_VERSION,
} from "./rdb-format.ts";
import { RdbValueReader } from "./rdb-load-values.ts";
import { RdbError, RdbReader } from "./rdb-reader.ts";
import { RdbValueWriter } from "./rdb-save-values.ts";
import { RdbWriter } from "./rdb-writer.ts";

const VERSION_BYTES = 2;
const CHECKSUM_BYTES = 8;
const TRAILER_BYTES = VERSION_BYTES + CHECKSUM_BYTES;

/** Where payloads are written; it holds nothing between two of them. */
const writer = new RdbWriter();

/** What writes the values of payloads. */
export function payloadValues(keyspace: Keyspace): RdbValueWriter {
  return new RdbValueWriter(keyspace, RDB_VERSION);
}

/** The payload of the value in a view, valid until the next call. */
export function dumpValue(values: RdbValueWriter, view: RecordView): Uint8Array {
  writer.clear();
  writer.byte(values.typeOf(view));
  values.write(writer, view);
  return finished(writer);
}

/** What was written, with version and checksum behind it. */
function finished(writer: RdbWriter): Uint8Array {
  writer.byte(RDB_VERSION & 0xff);
  writer.byte(RDB_VERSION >>> 8);
  writer.reserve(CHECKSUM_BYTES);
  const crc = new Crc64();
  crc.update(writer.bytes, 0, writer.length);
  crc.write(writer.bytes, writer.length);
  writer.length += CHECKSUM_BYTES;
  return writer.bytes.subarray(0, writer.length);
}

/** The payload of libraries of functions, given by their sources. */
export function dumpLibraries(sources: readonly Uint8Array[]): Uint8Array {
  const writer = new RdbWriter();
  for (const code of sources) {
    writer.byte(RDB_OPCODE_FUNCTION);
    writer.string(code, 0, code.length);
  }
  return finished(writer);
}

/** The sources of the libraries in a payload. Throws an RdbError. */
export function readLibraries(payload: Uint8Array): Uint8Array[] {
  const reader = RdbReader.over(payload, 0, payload.length - TRAILER_BYTES);
  const sources: Uint8Array[] = [];
  while (reader.remaining > 0) {
    const opcode = reader.byte();
    if (opcode === RDB_OPCODE_FUNCTION_PRE_GA) {
      throw new RdbError("Pre-GA function format not supported");
    }
    if (opcode !== RDB_OPCODE_FUNCTION) throw new RdbError("given type is not a function");
    sources.push(librarySource(reader));
  }
  return sources;
}

function librarySource(reader: RdbReader): Uint8Array {
  try {
    return reader.stringCopy();
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    throw new RdbError("Failed loading library payload");
  }
}

/**
 * Whether bytes[start, end) is a payload of a version that is known, with the checksum it should
 * have, which is not looked at where `skipsChecksum` says so.
 */
export function isDumpPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  skipsChecksum: boolean,
): boolean {
  if (end - start < TRAILER_BYTES) return false;
  const at = end - TRAILER_BYTES;
  const version = versionAt(bytes, at);
  // Files know no version 0, payloads do.
  if (version !== 0 && !isKnownVersion(version)) return false;
  if (skipsChecksum) return true;
  const crc = new Crc64();
  crc.update(bytes, start, end - CHECKSUM_BYTES);
  return crc.equals(bytes, end - CHECKSUM_BYTES);
}

function versionAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

/**
 * Puts the value of a payload under a key that does not exist in `db`; false, with no key made,
 * where the payload is no value that commands could work with. `onChecked` is told how many compact
 * encodings were looked through to find that out.
 */
export function restoreValue(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  key: Uint8Array,
  hash: number,
  payload: Uint8Array,
  onChecked: (encodings: number) => void = () => {},
): boolean {
  const reader = RdbReader.over(payload, 0, payload.length - TRAILER_BYTES);
  const values = new RdbValueReader(keyspace, reader);
  values.version = versionAt(payload, reader.end);
  try {
    const type = reader.byte();
    if (!values.read(db, view, type, key, hash)) return false;
  } catch (error) {
    if (error instanceof RdbError) return false;
    throw error;
  } finally {
    onChecked(reader.checkedEncodings);
  }
  if (reader.remaining === 0) return true;
  db.deleteView(view);
  return false;
}
