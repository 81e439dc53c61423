// What the server does in one piece is an event: a chunk of a client's requests, a timer's work, a
// slice of a script. All that an event executes sees one time, unless a command of it took long,
// and its end answers those who waited for what it has changed.

import { VERIFY } from "../base/assert.ts";
import type { CommandContext } from "../command/context.ts";
import type { Features } from "../commands/features.ts";
import type { Server } from "./server.ts";

/** Of so many events with commands one is timed to its end. */
const TIMED_EVENTS = 16;
/** With VERIFY: every so many events the invariants of up to so many keys are checked. */
const VERIFIED_EVENTS = 64;
const VERIFIED_KEYS_MAX = 20_000;

/** The events of one server. */
export class Events {
  readonly #server: Server;
  readonly #context: CommandContext<Features>;
  /** Monotonic time of the event being handled, microseconds. */
  startUs = 0;
  /** Monotonic time of the time that is seen, microseconds. */
  seenUs = 0;
  /** When the newest command ended, on the same clock. */
  commandsEndUs = 0;
  /** How long the newest event that was timed to its end took behind its commands. */
  #tailUs = 0;
  /** Unix time when the monotonic clock read 0, milliseconds. */
  #wallOriginMs = 0;

  constructor(server: Server, context: CommandContext<Features>) {
    this.#server = server;
    this.#context = context;
    this.calibrate();
  }

  /** Sets the time that is seen until the next event. */
  begin(): void {
    const nowUs = this.#server.clock.monotonicUs();
    this.startUs = nowUs;
    this.advance(nowUs);
  }

  /** Sets the time that the rest of the event sees. */
  advance(nowUs: number): void {
    this.seenUs = nowUs;
    const nowMs = Math.floor(this.#wallOriginMs + nowUs / 1000);
    this.#server.keyspace.setTime(nowMs);
    this.#context.nowMs = nowMs;
  }

  /** Accounts for the event's time and answers who waited. */
  end(): void {
    const { statistics } = this.#server;
    const elapsed = this.#elapsed(++statistics.eventLoopCycles);
    statistics.eventLoopDurationUs += elapsed;
    if (elapsed > statistics.eventLoopDurationMaxUs) statistics.eventLoopDurationMaxUs = elapsed;
    if (VERIFY) this.#verifyNowAndThen();
    this.settle();
  }

  /**
   * Time since the event began. What comes behind the commands is above all the write of their
   * replies: one event of several is timed to its end, and stands for the others, since reading the
   * clock costs half a percent of an event with one command.
   */
  #elapsed(cycle: number): number {
    const commandsUs = this.commandsEndUs - this.startUs;
    if (commandsUs > 0 && cycle % TIMED_EVENTS !== 1) return commandsUs + this.#tailUs;
    const elapsed = this.#server.clock.monotonicUs() - this.startUs;
    if (commandsUs > 0) this.#tailUs = elapsed - commandsUs;
    return elapsed;
  }

  /** Makes an event of `action`. */
  run(action: () => void): void {
    this.begin();
    action();
    this.end();
  }

  /**
   * Answers the clients whose keys background work made ready; all who waited and were answered get
   * their replies and go on.
   */
  settle(): void {
    const { blocking, connections, blockedClients } = this.#server;
    if (blocking.hasReady) blocking.serve();
    connections.flushDelivered();
    blockedClients.goOn();
  }

  /** Reads the wall clock anew; events in between add the monotonic clock's progress to it. */
  calibrate(): void {
    const { clock } = this.#server;
    this.#wallOriginMs = (clock.wallUs() - clock.monotonicUs()) / 1000;
  }

  /** In tests: walks the whole data set once in a while, if that is not too long. */
  #verifyNowAndThen(): void {
    const { keyspace, statistics } = this.#server;
    if (statistics.eventLoopCycles % VERIFIED_EVENTS !== 0) return;
    const keys = keyspace.databases.reduce((sum, db) => sum + db.size, 0);
    if (keys <= VERIFIED_KEYS_MAX) keyspace.verify();
  }
}
