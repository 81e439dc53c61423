// What is done to the data before the server ends, as SHUTDOWN's options, a signal's directives and
// the save points ask for it.

import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import type { ShutdownOptions } from "../commands/features.ts";
import type { Server } from "./server.ts";

const FAILED = "Errors trying to shut down the server. Check the logs for more information.";

/**
 * Saves what an end of the server asks to be saved and gives up what is being written; false where
 * the server must not end, with the reason in the log.
 */
export function saveFinally(server: Server, { save, force }: ShutdownOptions): boolean {
  const { logger, snapshots } = server;
  // What is loaded so far must not take the place of the whole.
  if (server.persistence.loading) {
    logger.log(LOG_WARNING, "Received shutdown signal during loading, exiting now.");
    return true;
  }
  if (snapshots.isSaving) {
    logger.log(LOG_WARNING, "There is a child saving an .rdb. Killing it!");
    snapshots.cancel();
  }
  if (!giveUpRewrite(server, force)) return false;
  const isWanted = save === "save" || (save === "default" && server.config.savePoints.length > 0);
  if (!isWanted) return true;
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
    logger.log(LOG_WARNING, "Writing initial AOF. Exiting anyway.");
  }
  logger.log(LOG_WARNING, "There is a child rewriting the AOF. Killing it!");
  rewriting.cancel();
  return true;
}
