// A client as commands see it: who it is, what it selected, how its replies are treated. The
// connection that carries its bytes is reached through `ClientChannel` only, so that nothing here
// knows what a socket is.

import type { Protocol } from "../resp/reply.ts";

/** Bytes that many channels may keep ranges of, uncopied. */
export interface SharedBytes {
  /** Never changed where somebody keeps a range. */
  readonly bytes: Uint8Array;
  /** How many channels keep ranges, counted by them; with none the bytes may be used anew. */
  holders: number;
}

/** The carrier of a client's bytes, implemented by `server/connection.ts`. */
export interface ClientChannel {
  /** "ip:port" or "path:0", as CLIENT LIST prints it. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** The descriptor's number, or -1. */
  readonly descriptor: number;
  /** Bytes received and not yet executed. */
  readonly queryBytes: number;
  /** Capacity of the buffer that holds them. */
  readonly queryCapacity: number;
  /** Reply bytes the peer has not taken yet. */
  readonly outputBytes: number;
  /** Bytes held for unsent replies. */
  readonly outputCapacity: number;
  /** Sends bytes that are no reply to the running command: pushes, MONITOR lines. */
  send(bytes: Uint8Array): void;
  /**
   * Sends bytes[start, end), a message, behind the reply of the command that the client may be
   * running, whether or not it wants replies.
   */
  push(bytes: Uint8Array, start: number, end: number): void;
  /** As `push`, of bytes that the channel may keep uncopied, as one of their holders. */
  pushShared(shared: SharedBytes, start: number, end: number): void;
  /** Sends bytes[start, end), the reply to a command that waited, during another client's event. */
  deliver(bytes: Uint8Array, start: number, end: number): void;
  /** Goes on with what arrived behind a command that waited. */
  resume(): void;
  /** Closes after the replies written so far have been sent, or at once. */
  close(when: "after-reply" | "now"): void;
}

/** Of clients that are no connection (log replay, scripts): what they are told goes nowhere. */
export const SILENT_CHANNEL: ClientChannel = {
  remoteAddress: "",
  localAddress: "",
  descriptor: -1,
  queryBytes: 0,
  queryCapacity: 0,
  outputBytes: 0,
  outputCapacity: 0,
  send: () => {},
  push: () => {},
  pushShared: () => {},
  deliver: () => {},
  resume: () => {},
  close: () => {},
};

export const REPLY_ON = 0;
export const REPLY_OFF = 1;
/** The reply of the next command is dropped (set by CLIENT REPLY SKIP). */
export const REPLY_SKIP_NEXT = 2;
/** The reply of the running command is dropped. */
export const REPLY_SKIP = 3;

export type ReplyMode =
  | typeof REPLY_ON
  | typeof REPLY_OFF
  | typeof REPLY_SKIP_NEXT
  | typeof REPLY_SKIP;

export type ClientKind = "normal" | "replica" | "master";

/** A blocking command that a client waits in; see `src/blocking/`. */
export interface Wait {
  /** Whether others may end it, as CLIENT UNBLOCK does. */
  readonly mayEnd: boolean;
  /** Ends the waiting with a null reply, or an error. */
  end(reason: "timeout" | "error"): void;
}

/** Commands queued in a transaction; see `src/transactions/`. */
export interface QueuedCommands {
  /** The flags of all of them. */
  readonly flags: number;
}

/** Who a client acts as; see `src/acl/`. */
export interface ClientUser {
  readonly name: string;
  /** There is something that it may not do, so that its commands have to be checked. */
  readonly isRestricted: boolean;
  /** What it restores is to be looked through: `sanitize-payload`. */
  readonly sanitizes: boolean;
}

/** Who clients that are no connection act as. */
const ANYONE: ClientUser = { name: "default", isRestricted: false, sanitizes: true };

/** How a client is told of changed keys; see `src/tracking/`. */
export interface ClientTracking {
  /** The client that is told in its place, 0 for itself. */
  readonly redirect: number;
  /** The letters of CLIENT LIST's flags. */
  readonly letters: string;
}

/** One connected client. */
export class Client {
  readonly id: number;
  readonly channel: ClientChannel;
  readonly createdMs: number;
  /** Arrived over the unix socket. */
  readonly isUnixSocket: boolean;

  name = "";
  libraryName = "";
  libraryVersion = "";
  dbIndex = 0;
  protocol: Protocol = 2;
  replyMode: ReplyMode = REPLY_ON;
  user: ClientUser = ANYONE;
  /** Has said who it is, or needed not when it connected. */
  authenticated = false;
  /** Must say who it is before it may do anything else. */
  mustAuthenticate = false;
  /** It must authenticate, or may not do everything: its commands pass the gates. */
  isGuarded = false;
  kind: ClientKind = "normal";
  isMonitor = false;
  noEvict = false;
  /** Marked by DEBUG as one of the server's own. */
  isInternal = false;
  /** Set once the client is to be closed; nothing more of it is executed. */
  closing = false;
  /** Its replies so far are still sent before it is closed. */
  closingAfterReply = false;
  /** A command of the running event-loop turn changed data: its reply may depend on the disk. */
  wroteInTurn = false;
  /** `Effects.offset` behind its newest change: what WAITAOF waits for. */
  writeOffset = 0;
  /** Held by CLIENT PAUSE or a blocking command; its commands wait. */
  blocked = false;
  /** The blocking command that the client waits in. */
  wait: Wait | undefined;
  /** Has been answered after waiting, and goes on at the end of the event. */
  isUnblocked = false;
  /** Its commands never wait: a log being replayed, a transaction, a script. */
  denyBlocking = false;
  /** Channels, patterns and shard channels subscribed to. */
  channelCount = 0;
  patternCount = 0;
  shardChannelCount = 0;
  /** Commands queued in a transaction, -1 outside of one. */
  queuedCommands = -1;
  queue: QueuedCommands | undefined;
  /** Bytes that they and the watched keys take, and bytes of their arguments alone. */
  queuedBytes = 0;
  queuedArgumentBytes = 0;
  /** Bytes that the names it listens to take: channels, patterns, prefixes of keys. */
  listenedBytes = 0;
  /** A command was refused while a transaction was queued: EXEC will discard it. */
  dirtyQueue = false;
  watchedKeys = 0;
  /** A watched key has changed: EXEC will run nothing. */
  dirtyWatch = false;
  /** Bytes of the arguments of the running command. */
  argumentBytes = 0;
  isReadonly = false;
  lastInteractionMs: number;
  /** Full name of the newest command ("client|list"), "NULL" before the first. */
  lastCommand = "NULL";
  commandsProcessed = 0;
  bytesReceived = 0;
  bytesSent = 0;

  /** It has asked for something that has its commands pass the gates. */
  isSpecial = false;
  #noTouch = false;
  #tracking: ClientTracking | undefined;

  constructor(id: number, channel: ClientChannel, nowMs: number, isUnixSocket: boolean) {
    this.id = id;
    this.channel = channel;
    this.createdMs = nowMs;
    this.lastInteractionMs = nowMs;
    this.isUnixSocket = isUnixSocket;
  }

  /** CLIENT NO-TOUCH: what it reads does not count as used. */
  get noTouch(): boolean {
    return this.#noTouch;
  }

  set noTouch(noTouch: boolean) {
    this.#noTouch = noTouch;
    this.isSpecial = noTouch || this.#tracking !== undefined;
  }

  /** How the keys that it reads are tracked; undefined without CLIENT TRACKING. */
  get tracking(): ClientTracking | undefined {
    return this.#tracking;
  }

  set tracking(tracking: ClientTracking | undefined) {
    this.#tracking = tracking;
    this.isSpecial = this.#noTouch || tracking !== undefined;
  }

  /** Listens to a channel, pattern or shard channel. */
  get isSubscribed(): boolean {
    return (this.channelCount | this.patternCount | this.shardChannelCount) !== 0;
  }

  /**
   * Bytes held for it: what waits to be executed, what it has queued and listens to, and what waits
   * to be sent.
   */
  get heldBytes(): number {
    const bufferBytes = this.channel.queryCapacity + this.channel.outputCapacity;
    return bufferBytes + this.argumentBytes + this.queuedBytes + this.listenedBytes;
  }

  /** Whether maxmemory-clients may close it to make room. */
  get mayBeEvicted(): boolean {
    return this.kind === "normal" && !this.noEvict;
  }
}

/** Every connected client, oldest first. */
export class Clients {
  readonly #byId = new Map<number, Client>();
  #lastId = 0;

  /** The identifier for the next client; identifiers are never reused. */
  nextId(): number {
    return ++this.#lastId;
  }

  add(client: Client): void {
    this.#byId.set(client.id, client);
  }

  remove(client: Client): void {
    this.#byId.delete(client.id);
  }

  get(id: number): Client | undefined {
    return this.#byId.get(id);
  }

  get count(): number {
    return this.#byId.size;
  }

  [Symbol.iterator](): IterableIterator<Client> {
    return this.#byId.values();
  }
}
