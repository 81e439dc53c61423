// The commands of a plain append-only file, read without any of our own code.

import { readFileSync } from "node:fs";

/** One command of a log: texts are one character per byte. */
export interface LoggedCommand {
  readonly db: number;
  readonly args: readonly string[];
}

/** The commands of a log but for SELECT, each with its database; comment lines are skipped. */
export function readAofCommands(path: string): LoggedCommand[] {
  const text = readFileSync(path, "latin1");
  const commands: LoggedCommand[] = [];
  let db = 0;
  let at = 0;
  const line = () => {
    const end = text.indexOf("\r\n", at);
    const found = text.slice(at, end);
    at = end + 2;
    return found;
  };
  while (at < text.length) {
    if (text[at] === "#") {
      at = text.indexOf("\n", at) + 1;
      continue;
    }
    const count = Number(/^\*(\d+)$/.exec(line())?.[1]);
    if (Number.isNaN(count)) throw new Error(`${path} is malformed in front of byte ${at}`);
    const args: string[] = [];
    for (let k = 0; k < count; k++) {
      const length = Number(line().slice(1));
      args.push(text.slice(at, at + length));
      at += length + 2;
    }
    if (args[0].toLowerCase() === "select") db = Number(args[1]);
    else commands.push({ db, args });
  }
  return commands;
}
