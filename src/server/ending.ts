// The end of a server, which SHUTDOWN or a signal asks for: what is done to the data before it, as
// SHUTDOWN's options, a signal's directives and the save points want it.
//
// A signal may come amid a slow script. Half of what that does must not be saved, so its end is
// waited for, as in Redis; SHUTDOWN NOSAVE and a second SIGINT do not wait.

import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import type { ShutdownOptions } from "../commands/features.ts";
import type { Server } from "./server.ts";

const FAILED = "Errors trying to shut down the server. Check the logs for more information.";

/** How one server ends. */
export class Ending {
  readonly #server: Server;
  /** What a signal has asked for and nothing has been done about yet. */
  #scheduled: ShutdownOptions | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Whether a signal's end waits for that of a script. */
  get isScheduled(): boolean {
    return this.#scheduled !== undefined;
  }

  /** Ends the server, as SHUTDOWN wants it; false where it must go on. */
  shutdown(options: ShutdownOptions): boolean {
    const server = this.#server;
    server.logger.log(LOG_NOTICE, "User requested shutdown...");
    if (!this.save(options)) return false;
    server.onShutdown();
    return true;
  }

  /** Ends the server as soon as that may be, as a signal wants it. */
  schedule(options: ShutdownOptions): void {
    const server = this.#server;
    if (server.persistence.loading) {
      server.logger.log(LOG_WARNING, "Received shutdown signal during loading, exiting now.");
      server.onShutdown();
      return;
    }
    this.#scheduled = options;
    this.tick();
  }

  /** Periodic work: an end that was put off. */
  tick(): void {
    const options = this.#scheduled;
    const { effects, executions } = this.#server;
    if (options === undefined || executions.isBusy || effects.isOpen) return;
    this.#scheduled = undefined;
    this.shutdown(options);
  }

  /** Does what is to be done before the end; false where the server must not end. */
  save(options: ShutdownOptions): boolean {
    // What is loaded so far must not take the place of the whole.
    return this.#server.persistence.loading || saveFinally(this.#server, options);
  }
}

/**
 * Saves what an end of the server asks to be saved and gives up what is being written; false where
 * the server must not end, with the reason in the log.
 */
function saveFinally(server: Server, { save, force }: ShutdownOptions): boolean {
  const { logger, snapshots } = server;
  if (snapshots.isSaving) {
    logger.log(LOG_WARNING, "There is a child saving an .rdb. Killing it!");
    snapshots.cancel();
  }
  const hasLog = server.persistence.aofEnabled;
  if (!giveUpRewrite(server, force)) return false;
  // Closing it does, when the server stops.
  if (hasLog) logger.log(LOG_NOTICE, "Calling fsync() on the AOF file.");
  const isWanted = save === "save" || (save === "default" && server.config.savePoints.length > 0);
  if (!isWanted) return true;
  // Only for who embeds the server, and does not wait.
  if (server.effects.isOpen) {
    logger.log(LOG_WARNING, "A script is half through, so the data set is not saved.");
    return force;
  }
  logger.log(LOG_NOTICE, "Saving the final RDB snapshot before exiting.");
  if (snapshots.save()) return true;
  if (force) {
    logger.log(LOG_WARNING, "Error trying to save the DB. Exit anyway.");
    return true;
  }
  logger.log(LOG_WARNING, "Error trying to save the DB, can't exit.");
  logger.log(LOG_WARNING, FAILED);
  return false;
}

/** False where the rewrite is the one without which there is no log, unless that is forced. */
function giveUpRewrite({ durability, logger, rewriting }: Server, force: boolean): boolean {
  if (!rewriting.isActive) return true;
  if (durability.isWaiting) {
    if (!force) {
      logger.log(LOG_WARNING, "Writing initial AOF, can't exit.");
      logger.log(LOG_WARNING, FAILED);
      return false;
    }
    logger.log(LOG_WARNING, "Writing initial AOF. Exit anyway.");
  }
  logger.log(LOG_WARNING, "There is a child rewriting the AOF. Killing it!");
  rewriting.cancel();
  return true;
}
