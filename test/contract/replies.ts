// Replies as contracts name them: texts of one character per byte, and what is in them.

/** A bulk string. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** An array of bulk strings. */
export function array(...texts: readonly string[]): string {
  return `*${texts.length}\r\n${texts.map(bulk).join("")}`;
}

/** The bulk strings of an array reply, by length, since texts may contain line ends. */
export function listed(reply: string): string[] {
  const found: string[] = [];
  let at = reply.indexOf("\r\n") + 2;
  while (at < reply.length) {
    const lineEnd = reply.indexOf("\r\n", at);
    const length = Number(reply.slice(at + 1, lineEnd));
    found.push(reply.slice(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 4 + length;
  }
  return found;
}
