// The connections of one server: what they share (buffers, limits, a decoder), how one is taken in,
// and who is told when one has ended.

import type { Logger } from "../base/log.ts";
import { Client } from "../command/client.ts";
import type { Statistics } from "../command/statistics.ts";
import type { OutputBufferLimit } from "../config/special-types.ts";
import { Decoder } from "../resp/decoder.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { ClientMemory } from "./client-memory.ts";
import { Connection, type ConnectionHost, RECEIVE_BYTES, type Transport } from "./connection.ts";
import type { Server } from "./server.ts";
import type { SocketHandler } from "./sockets.ts";

const NO_LIMIT: OutputBufferLimit = { hardBytes: 0, softBytes: 0, softSeconds: 0 };

/** Who is connected to a server. */
export class Connections implements ConnectionHost, Iterable<Connection> {
  readonly #server: Server;
  readonly reply: ReplyWriter;
  readonly pushes: ReplyWriter;
  readonly statistics: Statistics;
  readonly logger: Logger;

  sharedDecoder = new Decoder();
  readonly receiveBuffer = new Uint8Array(RECEIVE_BYTES);
  readonly spareOutputs: Uint8Array[] = [];
  readonly clientMemory: ClientMemory;
  queryBytesMax = 0;
  bulkBytesMax = 0;
  normalOutputLimit = NO_LIMIT;
  pubsubOutputLimit = NO_LIMIT;

  /** By client, for what the server does to connections: limits, timeouts, release. */
  readonly #byClient = new Map<Client, Connection>();
  /** Connections whose clients were answered during another one's event. */
  #delivered: Connection[] = [];

  constructor(server: Server) {
    this.#server = server;
    this.reply = server.reply;
    this.pushes = server.pushes;
    this.statistics = server.statistics;
    this.logger = server.logger;
    this.clientMemory = new ClientMemory(server.config, this.logger, this);
  }

  /** Takes an accepted socket in. */
  connect(transport: Transport, isUnixSocket: boolean): SocketHandler {
    const { acl, clients, clock } = this.#server;
    const connection = new Connection(this, transport);
    const client = new Client(clients.nextId(), connection, clock.wallMs(), isUnixSocket);
    acl.admit(client);
    connection.client = client;
    clients.add(client);
    this.#byClient.set(client, connection);
    this.statistics.connectionsReceived++;
    return connection;
  }

  /** In the order in which they came. */
  [Symbol.iterator](): Iterator<Connection> {
    return this.#byClient.values();
  }

  closeAll(): void {
    for (const connection of [...this]) connection.close("now");
  }

  disconnected(client: Client): void {
    const server = this.#server;
    // The client of a slow script waits for no key.
    if (!server.executions.isRunFor(client)) server.blocking.forget(client);
    server.pubsub.forget(client);
    server.transactions.discard(client);
    server.tracking.disable(client);
    server.clients.remove(client);
    server.monitors.delete(client);
    this.#byClient.delete(client);
    server.updateRestrictions();
  }

  get servedClient(): Client | undefined {
    return this.#server.blockedClients.served;
  }

  get servedPushes(): ReplyWriter {
    return this.#server.blockedClients.pushes;
  }

  get holdsReplies(): boolean {
    return this.#server.durability.holdsReplies;
  }

  get nowMs(): number {
    return this.#server.keyspace.nowMs;
  }

  newDecoder(): Decoder {
    return new Decoder();
  }

  beginEvent(): void {
    this.#server.events.begin();
  }

  endEvent(): void {
    this.#server.events.end();
  }

  execute(client: Client, bytes: Uint8Array, decoder: Decoder, first: number): number {
    return this.#server.dispatcher.execute(client, bytes, decoder, first);
  }

  flushAtEndOfTurn(connection: Connection): void {
    this.#server.durability.flushAtEndOfTurn(connection);
  }

  flushAfterEvent(connection: Connection): void {
    this.#delivered.push(connection);
  }

  /** At the end of an event: sends what others than its own client were told. */
  flushDelivered(): void {
    if (this.#delivered.length === 0) return;
    const delivered = this.#delivered;
    this.#delivered = [];
    for (const connection of delivered) connection.flush();
  }
}
