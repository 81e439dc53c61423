// What is said to connections that are turned away, and of them in the log, and what to commands
// that the disk does not allow. The texts are Redis's, which clients and tests look for.

import { latin1Bytes } from "../base/text.ts";

/** To one connection more than maxclients. */
export const TOO_MANY_CLIENTS = latin1Bytes("-ERR max number of clients reached\r\n");

/** To clients from elsewhere while protected mode is on and nobody has set a password. */
export const PROTECTED_MODE = latin1Bytes(
  [
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password",
    "is set for the default user. In this mode connections are only accepted from the loopback",
    "interface. If you want to connect from external computers to Redis you may adopt one of the",
    "following solutions: 1) Just disable protected mode sending the command",
    "'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the",
    "same host the server is running, however MAKE SURE Redis is not publicly accessible from",
    "internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you",
    "can just disable the protected mode by editing the Redis configuration file, and setting the",
    "protected mode option to 'no', and then restarting the server. 3) If you started the server",
    "manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an",
    "authentication password for the default user. NOTE: You only need to do one of the above",
    "things in order for the server to start accepting connections from the outside.\r\n",
  ].join(" "),
);

/** In the log: a browser was made to send its request here. */
export const CROSS_PROTOCOL_ATTACK =
  "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands " +
  "to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to " +
  "compromise your Redis instance.";

/** To commands and scripts that write, where min-replicas-to-write asks for replicas. */
export const TOO_FEW_REPLICAS = "NOREPLICAS Not enough good replicas to write.";

/** What is said where a snapshot could not be saved, and where the log could not be written. */
export interface DiskRefusal {
  readonly unsaved: string;
  readonly unlogged: string;
}

/** To commands that write. */
export const TO_WRITES: DiskRefusal = {
  unsaved:
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " +
    "disk. Commands that may modify the data set are disabled, because this instance is " +
    "configured to report errors during writes if RDB snapshotting fails " +
    "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the " +
    "RDB error.",
  unlogged: "MISCONF Errors writing to the AOF file: ",
};

/** To scripts that may write, where the script is what is refused and not its command. */
export const TO_SCRIPTS: DiskRefusal = {
  unsaved:
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " +
    "disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.",
  unlogged:
    "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to " +
    "disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: ",
};

/** What is said now, or "" while the disk takes what is written. */
export function diskRefusal(texts: DiskRefusal, isUnsaved: boolean, logFailure: string): string {
  if (isUnsaved) return texts.unsaved;
  return logFailure === "" ? "" : texts.unlogged + logFailure;
}
