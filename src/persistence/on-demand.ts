// The parts of persistence that a server does not need before it first loads or saves something,
// loaded then; ARCHITECTURE.md says why ("What is loaded when").

/** For a server with an append-only file. */
export const aofWriting = (): typeof import("./aof.ts") => require("./aof.ts");
export const aofFiles = (): typeof import("./aof-files.ts") => require("./aof-files.ts");
export const aofLoading = (): typeof import("./aof-load.ts") => require("./aof-load.ts");
export const tailCopy = (): typeof import("./tail-copy.ts") => require("./tail-copy.ts");

/** For one that finds an RDB, and for DEBUG RELOAD. */
export const rdbLoading = (): typeof import("./rdb-file.ts") => require("./rdb-file.ts");

/** For the first snapshot, of either kind. */
export const snapshotFile = (): typeof import("./snapshot-file.ts") =>
  require("./snapshot-file.ts");
export const rdbSaving = (): typeof import("./rdb-save.ts") => require("./rdb-save.ts");
export const commandSaving = (): typeof import("./command-save.ts") => require("./command-save.ts");
