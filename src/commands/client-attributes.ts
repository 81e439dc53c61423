// What a client may say about itself: its name, and its library's name and version.

import type { Context } from "./features.ts";

/**
 * Whether an argument is printable ASCII without blanks up to its first NUL: as far as CLIENT LIST
 * shows it.
 */
export function isPrintable(c: Context, index: number): boolean {
  const end = c.end(index);
  for (let at = c.start(index); at < end && c.bytes[at] !== 0; at++) {
    if (c.bytes[at] < 33 || c.bytes[at] > 126) return false;
  }
  return true;
}

/** As much of a client's name, or its library's, as may stand in a line of CLIENT LIST. */
export function shownAttribute(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

/** Tells that a name of a client, or what it says of its library, is none. */
export function replyBadClientName(c: Context): void {
  c.reply.error("ERR Client names cannot contain spaces, newlines or special characters.");
}

// CLIENT SETNAME connection-name
export function clientSetnameCommand(c: Context): void {
  if (!isPrintable(c, 2)) return replyBadClientName(c);
  c.client.name = c.latin1(2);
  c.reply.ok();
}

// CLIENT GETNAME
export function clientGetnameCommand(c: Context): void {
  if (c.client.name === "") c.reply.null();
  else c.reply.bulkText(c.client.name);
}

// CLIENT SETINFO LIB-NAME libname | LIB-VER libver
export function clientSetinfoCommand(c: Context): void {
  const isName = c.is(2, "lib-name");
  if (!isName && !c.is(2, "lib-ver")) {
    return c.reply.error(`ERR Unrecognized option '${c.latin1(2)}'`);
  }
  if (!isPrintable(c, 3)) {
    return c.reply.error(
      `ERR ${c.latin1(2)} cannot contain spaces, newlines or special characters.`,
    );
  }
  if (isName) c.client.libraryName = c.latin1(3);
  else c.client.libraryVersion = c.latin1(3);
  c.reply.ok();
}
