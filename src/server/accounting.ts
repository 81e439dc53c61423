// hot path: no allocation per command
//
// What commands cost, and where that is kept: with each command, in the slow log and those of large
// commands, in the latency monitor.

import type { Clock } from "../base/clock.ts";
import type { CommandContext } from "../command/context.ts";
import { LatencyHistogram } from "../command/histogram.ts";
import type { LatencyMonitor } from "../command/latency-monitor.ts";
import type { Command } from "../command/registry.ts";
import type { CommandLog } from "../command/slowlog.ts";
import { SKIP_SLOWLOG } from "../command/spec.ts";
import type { Features } from "../commands/features.ts";

/** Thresholds below this ask for every command to be timed on its own. */
const PRECISE_BELOW_US = 1000;

/** The costs of one server's commands. */
export class Accounting {
  readonly #clock: Clock;
  readonly #commandLog: CommandLog;
  readonly #latency: LatencyMonitor;
  /** Every command is timed on its own. */
  isPrecise = false;
  /** Thresholds of COMMANDLOG, Infinity when off. */
  largeReplyBytes = Number.POSITIVE_INFINITY;
  largeRequestBytes = Number.POSITIVE_INFINITY;
  /** latency-tracking: histograms are kept per command. */
  tracksLatency = true;

  constructor({ clock, commandLog, latency }: Features) {
    this.#clock = clock;
    this.#commandLog = commandLog;
    this.#latency = latency;
  }

  /** Cold: takes over thresholds that have changed. */
  tune(): void {
    const { slow, largeReply, largeRequest } = this.#commandLog;
    this.isPrecise = slow.threshold < PRECISE_BELOW_US || this.#latency.thresholdMs === 1;
    this.largeReplyBytes = largeReply.threshold;
    this.largeRequestBytes = largeRequest.threshold;
  }

  /**
   * Shares the time since `since` out among the commands in [from, to); returns now.
   * `isCurrent` says that the last of them is the one the context still points at.
   */
  share(
    c: CommandContext<Features>,
    commands: readonly (Command<Features> | undefined)[],
    from: number,
    to: number,
    since: number,
    isCurrent: boolean,
  ): number {
    const now = this.#clock.monotonicUs();
    const elapsed = now - since;
    const share = elapsed / (to - from);
    for (let index = from; index < to; ) {
      const command = commands[index];
      let next = index + 1;
      while (next < to && commands[next] === command) next++;
      if (command !== undefined) this.charge(command, share, next - index);
      index = next;
    }
    if (isCurrent) this.noteSlow(c, elapsed);
    if (this.#latency.thresholdMs > 0) this.noteLatency(c, elapsed, eventOf(c.command));
    return now;
  }

  /** Adds to a command's time; `microseconds` is what each of the calls took. */
  charge(command: Command<Features>, microseconds: number, calls: number): void {
    command.microseconds += microseconds * calls;
    if (!this.tracksLatency) return;
    // alloc: once per command and server
    if (command.histogram === undefined) command.histogram = new LatencyHistogram();
    command.histogram.record(microseconds, calls);
  }

  /** Logs the context's command if it was slow. */
  noteSlow(c: CommandContext<Features>, microseconds: number): void {
    const { slow } = this.#commandLog;
    if (microseconds < slow.threshold || (c.command.flags & SKIP_SLOWLOG) !== 0) return;
    slow.add(c, microseconds);
  }

  /** Whether a request or reply is beyond the thresholds of COMMANDLOG. */
  isLarge(replyBytes: number, requestBytes: number): boolean {
    return replyBytes >= this.largeReplyBytes || requestBytes >= this.largeRequestBytes;
  }

  /** Logs the context's command if its request or reply was large. */
  noteLarge(c: CommandContext<Features>, replyBytes: number, requestBytes: number): void {
    const { largeReply, largeRequest } = this.#commandLog;
    if (replyBytes >= largeReply.threshold) largeReply.add(c, replyBytes);
    if (requestBytes >= largeRequest.threshold) largeRequest.add(c, requestBytes);
  }

  /** Tells the latency monitor of an event, if it asks for one that took so long. */
  noteLatency(c: CommandContext<Features>, microseconds: number, event: string): void {
    const { thresholdMs } = this.#latency;
    if (thresholdMs === 0 || microseconds < thresholdMs * 1000) return;
    this.#latency.add(event, microseconds / 1000, c.nowMs);
  }
}

/** What the latency monitor calls a command's time. */
export function eventOf(command: Command<Features>): string {
  return command.isQuick ? "fast-command" : "command";
}
