// What MIGRATE sends: AUTH, SELECT, and a RESTORE for each key that is still there. Keys are
// serialised when it is their turn to leave, so that a transfer of many never takes much memory;
// nobody changes them meanwhile (see migrations.ts).

import { latin1Bytes } from "../base/text.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { dumpValue, payloadValues } from "../persistence/dump-payload.ts";
import type { RdbValueWriter } from "../persistence/rdb-save-values.ts";
import { ReplyWriter } from "../resp/reply.ts";
import { NO_EXPIRY, RecordView } from "../structures/record.ts";

/** A key to be moved: its bytes, and the argument of MIGRATE that it is. */
export interface MovingKey {
  readonly bytes: Uint8Array;
  readonly argument: number;
}

/** What a MIGRATE asks for. */
export interface TransferRequest {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** The number of the database at the target. */
  readonly targetDb: string;
  readonly replaces: boolean;
  /** Arguments of AUTH: none, a password, or a name and a password. */
  readonly credentials: readonly Uint8Array[];
  readonly db: Database;
  /** Keys that existed when the command was read. */
  readonly keys: readonly MovingKey[];
}

const RESTORE = latin1Bytes("RESTORE");
const REPLACE = latin1Bytes("REPLACE");

/** The requests of one transfer, in order. */
export class RestoreRequests {
  readonly #keyspace: Keyspace;
  readonly #request: TransferRequest;
  readonly #view: RecordView;
  readonly #values: RdbValueWriter;
  #next = 0;
  /** The keys that a RESTORE was written for, by argument of MIGRATE. */
  readonly sent: number[] = [];
  readonly writer = new ReplyWriter();

  constructor(keyspace: Keyspace, request: TransferRequest) {
    this.#keyspace = keyspace;
    this.#request = request;
    this.#view = new RecordView(keyspace.pool);
    this.#values = payloadValues(keyspace);
  }

  /** Writes what goes before the first key. */
  writeGreeting(selects: boolean): void {
    const { credentials, targetDb } = this.#request;
    if (credentials.length > 0) {
      this.writer.array(credentials.length + 1);
      this.writer.bulkText("AUTH");
      for (const credential of credentials) this.writer.bulkBytes(credential);
    }
    if (!selects) return;
    this.writer.array(2);
    this.writer.bulkText("SELECT");
    this.writer.bulkText(targetDb);
  }

  /** Writes keys until there are `wantedBytes`; whether there are more. */
  writeKeys(wantedBytes: number): boolean {
    const { keys } = this.#request;
    while (this.#next < keys.length && this.writer.length < wantedBytes) {
      this.#writeKey(keys[this.#next++]);
    }
    return this.#next < keys.length;
  }

  #writeKey({ bytes, argument }: MovingKey): void {
    const { db, replaces } = this.#request;
    const hash = this.#keyspace.hash(bytes, 0, bytes.length);
    const view = db.peek(this.#view, bytes, 0, bytes.length, hash);
    // Its time has come since.
    if (view === undefined) return;
    let ttlMs = 0;
    if (view.expiryMs !== NO_EXPIRY) ttlMs = Math.max(1, view.expiryMs - this.#keyspace.nowMs);
    this.writer.array(replaces ? 5 : 4);
    this.writer.bulkBytes(RESTORE);
    this.writer.bulkBytes(bytes);
    this.writer.bulkText(String(ttlMs));
    this.writer.bulkBytes(dumpValue(this.#values, view));
    if (replaces) this.writer.bulkBytes(REPLACE);
    this.sent.push(argument);
  }
}
