// Passwords are kept and compared as their SHA-256, in 64 lower-case hexadecimal characters.

import { latin1Bytes } from "../base/text.ts";

/** The hash of a password of one character per byte. */
export function passwordHash(password: string): string {
  return new Bun.CryptoHasher("sha256").update(latin1Bytes(password)).digest("hex");
}

/** Compares two hashes in a time that does not depend on where they differ. */
export function sameHash(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let k = 0; k < left.length; k++) difference |= left.charCodeAt(k) ^ right.charCodeAt(k);
  return difference === 0;
}
