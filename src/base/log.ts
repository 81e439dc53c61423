// What a component says to the operator. The server decides where lines go and how they look.

/** Redis's log levels, least important first. */
export const LOG_DEBUG = 0;
export const LOG_VERBOSE = 1;
export const LOG_NOTICE = 2;
export const LOG_WARNING = 3;

export type LogLevel =
  | typeof LOG_DEBUG
  | typeof LOG_VERBOSE
  | typeof LOG_NOTICE
  | typeof LOG_WARNING;

/** Takes one line of text, without its newline. */
export interface Logger {
  log(level: LogLevel, message: string): void;
}

/** A logger that keeps nothing. */
export const silentLogger: Logger = { log: () => {} };
