// What DEBUG switches: knobs that no configuration directive has, for tests of the server.

/** One server's debug switches; the defaults are normal operation. */
export class DebugSettings {
  /** Keys are also expired when nobody asks for them. */
  activeExpire = true;
  /** The cron does nothing. */
  cronPaused = false;
  /** Files and payloads are taken whatever their checksum. */
  skipsChecksums = false;
  /** The server stands still for so long before it writes to the append-only file. */
  flushSleepUs = 0;
  /** Scripts may call commands that are denied to them otherwise. */
  scriptsCallDenied = false;
  /** What DEBUG LEAK was told to keep for good. */
  readonly leaked: Uint8Array[] = [];
}
