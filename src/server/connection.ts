// hot path: no allocation per command
//
// A connection: received bytes go in, replies come out. It owns what has not been executed yet (the
// input's tail, and the decoder that holds a partial command's progress) and what the peer has not
// taken yet (the output's backlog), with the limits of both. `ConnectionHost` is the server as seen
// from here; the socket is reached through `Transport` only.
//
// A chunk from the socket is first copied into the host's receive buffer. The copy costs less than
// it saves: all code then works on one long-lived array, while looking behind each fresh chunk (its
// ArrayBuffer, a DataView on it) made up a tenth of a small request.
//
// Invariants: replies leave in the order of their requests; the receive buffer belongs to the
// event, so whatever outlives it is copied; the input's buffer grows by doubling with bytes that
// have arrived, never by an announced length.

import { copyBytes } from "../base/ascii.ts";
import { LOG_NOTICE, LOG_VERBOSE, LOG_WARNING, type Logger } from "../base/log.ts";
import type { Client, ClientChannel, SharedBytes } from "../command/client.ts";
import type { Statistics } from "../command/statistics.ts";
import type { OutputBufferLimit } from "../config/special-types.ts";
import type { Decoder, DecoderLimits } from "../resp/decoder.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { ClientMemory } from "./client-memory.ts";

/** What carries a connection's bytes: a socket. */
export interface Transport {
  /** Bytes taken, which may be fewer than offered; negative when the peer is gone. */
  write(bytes: Uint8Array, start: number, length: number): number;
  /** Closes at once; what was taken still leaves. */
  close(): void;
  readonly descriptor: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
}

/** What a connection needs of the server. */
export interface ConnectionHost {
  readonly reply: ReplyWriter;
  readonly statistics: Statistics;
  readonly logger: Logger;
  /** The decoder for connections that have no partial command. */
  sharedDecoder: Decoder;
  /** Where a chunk is put while it is executed; RECEIVE_BYTES long. */
  readonly receiveBuffer: Uint8Array;
  /** client-query-buffer-limit, bytes. */
  readonly queryBytesMax: number;
  /** proto-max-bulk-len, bytes. */
  readonly bulkBytesMax: number;
  readonly normalOutputLimit: OutputBufferLimit;
  readonly pubsubOutputLimit: OutputBufferLimit;
  /** What the client whose event it is was pushed: it follows the running command's reply. */
  readonly pushes: ReplyWriter;
  /** A client that waited and whose command runs during another one's event, and its pushes. */
  readonly servedClient: Client | undefined;
  readonly servedPushes: ReplyWriter;
  /** What clients hold, and its limit. */
  readonly clientMemory: ClientMemory;
  /** Small buffers for backlogs, free to take: replies held for a sync need one per turn. */
  readonly spareOutputs: Uint8Array[];
  /** Unix time of the event being handled, milliseconds. */
  readonly nowMs: number;
  /** Replies must wait until the turn's effects are durable (appendfsync always). */
  readonly holdsReplies: boolean;
  /** A fresh decoder, after a connection has kept the shared one. */
  newDecoder(): Decoder;
  /** Sets the time and other per-event state before commands are executed. */
  beginEvent(): void;
  /** Accounts for the event's time. */
  endEvent(): void;
  execute(client: Client, bytes: Uint8Array, decoder: Decoder, first: number): number;
  /** `flush` is to be called when the turn's effects are durable. */
  flushAtEndOfTurn(connection: Connection): void;
  /** `flush` is to be called at the end of the event that is being handled. */
  flushAfterEvent(connection: Connection): void;
  /** The client must not be used any more. */
  disconnected(client: Client): void;
}

/** Chunks up to this size are executed from the receive buffer. */
export const RECEIVE_BYTES = 1 << 17;

const NO_BYTES = new Uint8Array(0);
/** First size of the buffer that collects a partial command. */
const INPUT_BYTES_MIN = 1024;
/** First size of a backlog's buffer. */
const OUTPUT_BYTES_MIN = 1024;
/** Who needs less than this part of an array that others use, too, copies that. */
const SHARED_PART = 4;
/** Buffers of that size kept for the next backlog. */
const SPARE_OUTPUTS_MAX = 256;
/** Writes of more than this are offered to the socket piece by piece, so that it copies less. */
const WRITE_BYTES_MAX = 1 << 20;

/** One connection; also the channel of its client. */
export class Connection implements ClientChannel, DecoderLimits {
  readonly #host: ConnectionHost;
  readonly #transport: Transport;
  client!: Client;

  /** Bytes kept from earlier chunks; NO_BYTES while there are none. */
  #input: Uint8Array = NO_BYTES;
  #inputLength = 0;
  /** The connection's own decoder while a command is partial or the client is held. */
  #decoder: Decoder | undefined;
  /** Nothing is executed: the client is paused, waits, or was answered and is about to go on. */
  #isHeld = false;
  /** While the client is held: the batch's first command that was not executed, -1 without one. */
  #heldAt = -1;

  /** Replies that the socket has not taken: #output[#outputStart, #outputEnd). */
  #output: Uint8Array = NO_BYTES;
  #outputStart = 0;
  #outputEnd = 0;
  /** Bytes at the backlog's end that must wait until their effects are durable. */
  #heldOutput = 0;
  /** How many of those were queued in this turn. */
  #turnOutput = 0;
  /** What #output is of, while other connections may use it, too: it must not be written to. */
  #shared: SharedBytes | undefined;
  /** The end of the turn will come back to this connection. */
  #isScheduled = false;
  #softLimitSinceMs = 0;
  /** What this connection's buffers add to the host's sum. */
  #countedBytes = 0;
  #isClosed = false;
  #isExecuting = false;

  constructor(host: ConnectionHost, transport: Transport) {
    this.#host = host;
    this.#transport = transport;
  }

  get bulkBytesMax(): number {
    return this.#host.bulkBytesMax;
  }

  get unauthenticated(): boolean {
    return this.client.mustAuthenticate;
  }

  get descriptor(): number {
    return this.#transport.descriptor;
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  get localAddress(): string {
    return this.#transport.localAddress;
  }

  get queryBytes(): number {
    return this.#inputLength;
  }

  get queryCapacity(): number {
    return this.#input.length;
  }

  get outputBytes(): number {
    return this.#outputEnd - this.#outputStart;
  }

  /** Of an array that others use, too, what this connection needs of it. */
  get outputCapacity(): number {
    return this.#shared !== undefined ? this.outputBytes : this.#output.length;
  }

  /** Takes a chunk from the socket and executes every command it completes. */
  receive(chunk: Uint8Array): void {
    if (this.#isClosed || this.client.closingAfterReply) return;
    const host = this.#host;
    host.statistics.readsProcessed++;
    host.statistics.netInputBytes += chunk.length;
    this.client.bytesReceived += chunk.length;
    // What would be queued behind much that is must not be, not even for a moment.
    const before = this.client.queuedArgumentBytes;
    if (before > 0 && this.#inputLength + chunk.length + before > host.queryBytesMax) {
      return this.#refuseInput();
    }
    if (this.#isHeld || this.#inputLength > 0 || this.#decoder !== undefined) {
      this.#keep(chunk, 0, chunk.length);
      if (!this.#isHeld) this.#process(this.#input, this.#inputLength);
    } else if (chunk.length <= RECEIVE_BYTES) {
      host.receiveBuffer.set(chunk);
      this.#process(host.receiveBuffer, chunk.length);
    } else {
      this.#process(chunk, chunk.length);
    }
    const queued = this.client.queuedArgumentBytes;
    if (this.#inputLength + queued > host.queryBytesMax) this.#refuseInput();
  }

  /** Goes on with a client that was held by CLIENT PAUSE or a blocking command. */
  resume(): void {
    if (!this.#isHeld || this.#isClosed) return;
    this.client.blocked = false;
    this.#isHeld = false;
    if (this.#inputLength > 0) this.#process(this.#input, this.#inputLength);
    else if (this.client.closingAfterReply && this.outputBytes === 0) this.#end();
  }

  /** Sends the reply to a command that waited, while another connection's event is executed. */
  deliver(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isClosed) return;
    this.#queue(bytes, start, end);
    if (this.#isClosed) return;
    if (this.#host.holdsReplies) this.#flushLater();
    else this.#host.flushAfterEvent(this);
  }

  /** Sends bytes that are no reply to a running command of this client. */
  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#isExecuting) this.#host.reply.raw(bytes);
    else {
      this.#queue(bytes, 0, bytes.length);
      this.#flushLater();
    }
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isClosed || this.client.closingAfterReply) return;
    const behindReply = this.#behindReply;
    if (behindReply !== undefined) return behindReply.rawRange(bytes, start, end);
    this.#queue(bytes, start, end);
    if (!this.#isClosed) this.#flushLater();
  }

  pushShared(shared: SharedBytes, start: number, end: number): void {
    const continues = this.#shared === shared && this.#outputEnd === start;
    if ((!continues && this.#output.length > 0) || this.#behindReply !== undefined) {
      return this.push(shared.bytes, start, end);
    }
    if (this.#isClosed || this.client.closingAfterReply) return;
    if (!continues) {
      this.#output = shared.bytes;
      this.#outputStart = start;
      this.#shared = shared;
      shared.holders++;
    }
    this.#outputEnd = end;
    this.#countBuffers();
    this.#noteQueued(end - start);
    if (!this.#isClosed) this.#flushLater();
  }

  /** Where pushes wait while a command of this client is running. */
  get #behindReply(): ReplyWriter | undefined {
    if (this.#host.servedClient === this.client) return this.#host.servedPushes;
    return this.#isExecuting ? this.#host.pushes : undefined;
  }

  /** What may wait for the peer to take it. */
  get #limit(): OutputBufferLimit {
    return this.client.isSubscribed ? this.#host.pubsubOutputLimit : this.#host.normalOutputLimit;
  }

  close(when: "after-reply" | "now"): void {
    if (this.#isClosed) return;
    if (when === "after-reply") {
      this.client.closingAfterReply = true;
      if (!this.#isExecuting && this.outputBytes === 0) this.#end();
      return;
    }
    this.client.closing = true;
    this.#end();
  }

  /** The socket takes bytes again. */
  drained(): void {
    if (!this.#isClosed) this.flush();
  }

  /** The socket is gone. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.client.closing = true;
    this.#dropOutput();
    this.#release();
    this.#host.clientMemory.forget(this);
    this.#host.disconnected(this.client);
  }

  /** Bytes queued since the last call that wait for the turn's effects to be durable. */
  takeTurnOutput(): number {
    const count = this.#turnOutput;
    this.#turnOutput = 0;
    this.#isScheduled = false;
    return count;
  }

  /** Lets go of the next `count` bytes that waited: their effects are durable. */
  releaseOutput(count: number): void {
    if (this.#isClosed) return;
    this.#heldOutput -= count;
    this.flush();
  }

  /** Writes as much of the backlog as may leave and the socket takes. */
  flush(): void {
    const end = this.#outputEnd - this.#heldOutput;
    while (this.#outputStart < end) {
      const offered = Math.min(end - this.#outputStart, WRITE_BYTES_MAX);
      const taken = this.#transport.write(this.#output, this.#outputStart, offered);
      if (taken < 0) return this.#end();
      this.#noteSent(taken);
      this.#outputStart += taken;
      if (taken < offered) {
        if (this.#shared !== undefined) this.#keepShared();
        return;
      }
    }
    if (this.#heldOutput > 0) return;
    this.#dropOutput();
    this.#softLimitSinceMs = 0;
    this.#countBuffers();
    if (this.client.closingAfterReply) this.#end();
  }

  /** Ends the client when its backlog has been over the soft limit for too long. */
  checkOutputLimit(nowMs: number): void {
    const limit = this.#limit;
    const bytes = this.outputBytes;
    if (bytes === 0) return;
    const isOverSoft = limit.softBytes > 0 && bytes >= limit.softBytes;
    if (!isOverSoft) this.#softLimitSinceMs = 0;
    else if (this.#softLimitSinceMs === 0) this.#softLimitSinceMs = nowMs;
    const isLate = isOverSoft && nowMs - this.#softLimitSinceMs > limit.softSeconds * 1000;
    if (isLate || (limit.hardBytes > 0 && bytes >= limit.hardBytes)) this.#refuseOutput();
  }

  /** Cold: clients hold more than they may together, and this one much of it. */
  evict(): void {
    this.#host.statistics.evictedClients++;
    this.#host.logger.log(LOG_NOTICE, `Evicting client: ${this.#label}`); // alloc: cold
    this.close("now");
  }

  /** Cold: the peer lets more wait than the limit allows. */
  #refuseOutput(): void {
    this.#host.statistics.outputBufferLimitDisconnections++;
    this.#host.logger.log(
      LOG_WARNING,
      `Client ${this.#label} closed for overcoming of output buffer limits.`, // alloc: cold
    );
    this.close("now");
  }

  /** Decodes and executes bytes[0, end), then sends the replies and keeps what is left. */
  #process(bytes: Uint8Array, end: number): void {
    const host = this.#host;
    host.beginEvent();
    const decoder = this.#decoder ?? host.sharedDecoder;
    const client = this.client;
    this.#isExecuting = true;
    for (;;) {
      let next = 0;
      if (this.#heldAt >= 0) {
        next = this.#heldAt;
        this.#heldAt = -1;
      } else {
        decoder.decode(bytes, end, this);
      }
      if (next < decoder.commandCount) {
        next = host.execute(client, bytes, decoder, next);
        if (client.blocked && !client.closing) {
          this.#hold(bytes, end, decoder, next);
          break;
        }
      }
      if (client.closing || client.closingAfterReply) break;
      const hardBytes = this.#limit.hardBytes;
      if (hardBytes > 0 && this.outputBytes + host.reply.length >= hardBytes) {
        this.#refuseOutput();
        break;
      }
      if (decoder.error !== "") {
        this.#refuseProtocol(decoder.error);
        break;
      }
      // More may follow: behind a full batch, behind what arrived while the client was held, and
      // behind each command of a client that has not authenticated.
      if (decoder.commandCount === 0 || decoder.consumed === end) {
        this.#keepRest(bytes, end, decoder);
        break;
      }
      decoder.nextBatch();
    }
    this.#isExecuting = false;
    this.#sendReplies();
    if (client.closingAfterReply || this.#isClosed) {
      this.#release();
      decoder.reset();
    }
    if (host.clientMemory.isLimited) host.clientMemory.note(this);
    host.endEvent();
  }

  /** After everything whole was executed: keeps the bytes of a command that is partial. */
  #keepRest(bytes: Uint8Array, end: number, decoder: Decoder): void {
    const consumed = decoder.consumed;
    const isOwn = bytes === this.#input;
    if (consumed === end) {
      if (isOwn) this.#release();
      decoder.reset();
      return;
    }
    decoder.rebase();
    const old = this.#input;
    if (isOwn && consumed > 0 && old.length > Math.max(RECEIVE_BYTES, (end - consumed) * 4)) {
      // The buffer of a huge request does not outlive it.
      this.#input = NO_BYTES;
      this.#inputLength = 0;
      this.#keep(old, consumed, end);
      giveBack(old);
    } else if (isOwn) {
      if (consumed > 0) old.copyWithin(0, consumed, end);
      this.#inputLength = end - consumed;
    } else {
      this.#keep(bytes, consumed, end);
    }
    this.#ownDecoder(decoder);
  }

  /** Keeps the batch, its bytes and the place in it, until the client may go on. */
  #hold(bytes: Uint8Array, end: number, decoder: Decoder, next: number): void {
    this.#isHeld = true;
    if (next === decoder.commandCount && decoder.consumed === end && decoder.error === "") {
      // Nothing is behind the command that waits, as is usual.
      if (bytes === this.#input) this.#release();
      decoder.reset();
      return;
    }
    if (bytes !== this.#input) this.#keep(bytes, 0, end);
    this.#heldAt = next;
    this.#ownDecoder(decoder);
  }

  #ownDecoder(decoder: Decoder): void {
    if (decoder !== this.#host.sharedDecoder) return;
    this.#decoder = decoder;
    this.#host.sharedDecoder = this.#host.newDecoder();
  }

  /** Appends bytes[from, end) to the kept input. */
  #keep(bytes: Uint8Array, from: number, end: number): void {
    const needed = this.#inputLength + end - from;
    if (needed > this.#input.length) this.#growInput(needed);
    copyBytes(this.#input, this.#inputLength, bytes, from, end);
    this.#inputLength = needed;
  }

  /**
   * Doubles the input's buffer; once an eighth of an announced bulk string is there, makes room for
   * the whole of it, which saves copying the other seven.
   */
  #growInput(needed: number): void {
    const announced = needed + (this.#decoder?.partialBulkLength ?? 0);
    const exact = announced <= needed * 8 ? announced + BULK_END_BYTES : 0;
    // alloc: bounded by what has arrived; only for commands that came in several chunks
    const larger = new Uint8Array(
      Math.max(INPUT_BYTES_MIN, needed, exact > 0 ? exact : this.#input.length * 2),
    );
    copyBytes(larger, 0, this.#input, 0, this.#inputLength);
    giveBack(this.#input);
    this.#input = larger;
    this.#countBuffers();
  }

  #release(): void {
    giveBack(this.#input);
    this.#input = NO_BYTES;
    this.#inputLength = 0;
    this.#decoder = undefined;
    this.#heldAt = -1;
    this.#countBuffers();
  }

  /** Brings the host's sum up to date after a buffer was replaced. */
  #countBuffers(): void {
    const bytes = this.#input.length + this.outputCapacity;
    const { clientMemory } = this.#host;
    clientMemory.bufferBytes += bytes - this.#countedBytes;
    this.#countedBytes = bytes;
    if (clientMemory.isLimited) clientMemory.note(this);
  }

  /** Sends what the event's commands replied, or queues it behind what waits already. */
  #sendReplies(): void {
    const reply = this.#host.reply;
    const length = reply.length;
    if (this.#isClosed) {
      reply.clear();
      return;
    }
    if (length > 0) {
      if (this.#host.holdsReplies || this.outputBytes > 0) this.#queue(reply.buffer, 0, length);
      else if (length > WRITE_BYTES_MAX) this.#adopt(reply.detach());
      else this.#write(reply.buffer, length);
      reply.clear();
    }
    if (this.#host.holdsReplies && this.outputBytes > 0) this.#flushLater();
    else if (this.client.closingAfterReply && this.outputBytes === 0) this.#end();
  }

  /** Writes at once; what the socket does not take is queued. Nothing waits already. */
  #write(bytes: Uint8Array, length: number): void {
    const taken = this.#transport.write(bytes, 0, length);
    if (taken < 0) return this.#end();
    this.#noteSent(taken);
    if (taken < length) this.#queue(bytes, taken, length);
  }

  /** A large reply becomes the backlog as it is, without another copy. */
  #adopt(bytes: Uint8Array): void {
    this.#output = bytes;
    this.#outputStart = 0;
    this.#outputEnd = bytes.length;
    this.#countBuffers();
    this.flush();
    this.checkOutputLimit(this.#host.nowMs);
  }

  /** The socket has taken a part of what is shared: a small rest must not keep the whole array. */
  #keepShared(): void {
    if (this.outputBytes * SHARED_PART < this.#output.length) this.#ownOutput(0);
    else this.#countBuffers();
  }

  /** Moves the backlog to a buffer of its own, with room for so many more bytes. */
  #ownOutput(more: number): void {
    const waiting = this.outputBytes;
    const own = this.#newOutput(waiting + more);
    copyBytes(own, 0, this.#output, this.#outputStart, this.#outputEnd);
    this.#dropOutput();
    this.#output = own;
    this.#outputEnd = waiting;
    this.#countBuffers();
  }

  /** A buffer for `count` bytes to wait in. */
  #newOutput(count: number): Uint8Array {
    const spare = count <= OUTPUT_BYTES_MIN ? this.#host.spareOutputs.pop() : undefined;
    // alloc: doubling, only for clients that read slower than they ask
    return spare ?? new Uint8Array(Math.max(OUTPUT_BYTES_MIN, count * 2));
  }

  /** Lets go of the backlog and its buffer, which, if small, another connection may use next. */
  #dropOutput(): void {
    const output = this.#output;
    const spares = this.#host.spareOutputs;
    if (this.#shared !== undefined) {
      this.#shared.holders--;
      this.#shared = undefined;
    } else if (output.length !== OUTPUT_BYTES_MIN) giveBack(output);
    else if (spares.length < SPARE_OUTPUTS_MAX) spares.push(output);
    this.#output = NO_BYTES;
    this.#outputStart = 0;
    this.#outputEnd = 0;
  }

  /** Has the backlog sent at the end of the turn; asks once, however much a turn adds to it. */
  #flushLater(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.flushAtEndOfTurn(this);
  }

  #queue(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start;
    if (this.#shared !== undefined || this.#outputEnd + added > this.#output.length) {
      this.#ownOutput(added);
    }
    copyBytes(this.#output, this.#outputEnd, bytes, start, end);
    this.#outputEnd += added;
    this.#noteQueued(added);
  }

  /** After bytes joined the backlog: has them wait for the disk; sees that they are not many. */
  #noteQueued(added: number): void {
    if (this.#host.holdsReplies) {
      this.#heldOutput += added;
      this.#turnOutput += added;
    }
    this.checkOutputLimit(this.#host.nowMs);
  }

  #noteSent(count: number): void {
    this.#host.statistics.writesProcessed++;
    this.#host.statistics.netOutputBytes += count;
    this.client.bytesSent += count;
  }

  /** Cold: names the client in the log. */
  get #label(): string {
    return `id=${this.client.id} addr=${this.remoteAddress}`;
  }

  /** Cold: a protocol error is answered, after the replies before it, and ends the connection. */
  #refuseProtocol(error: string): void {
    this.#host.logger.log(
      LOG_VERBOSE,
      `Protocol error (${error}) from client: ${this.#label}`, // alloc: cold
    );
    this.#host.reply.error(`ERR ${error}`); // alloc: cold
    this.client.closingAfterReply = true;
  }

  /** Cold: more was sent without completing a command than the limit allows. */
  #refuseInput(): void {
    this.#host.statistics.queryBufferLimitDisconnections++;
    this.#host.logger.log(
      LOG_WARNING,
      `Closing client that reached max query buffer length: ${this.#label}`, // alloc: cold
    );
    this.close("now");
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.client.closing = true;
    this.#transport.close();
    this.#dropOutput();
    this.#heldOutput = 0;
    if (this.#isExecuting) this.#countBuffers();
    else this.#release();
    this.#host.clientMemory.forget(this);
    this.#host.disconnected(this.client);
  }
}

/** CR, LF and the header of one more argument. */
const BULK_END_BYTES = 64;
/** Buffers above this size are freed at once instead of at some garbage collection. */
const LARGE_BUFFER_BYTES = 1 << 20;

/** Frees a large buffer that nothing refers to any more. */
function giveBack(bytes: Uint8Array): void {
  if (bytes.length >= LARGE_BUFFER_BYTES) (bytes.buffer as ArrayBuffer).transfer(0);
}
