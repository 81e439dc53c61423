// How a compiled script gives up: by one exception, made beforehand. The virtual machine then runs
// the script from its beginning, with the replies that it has had so far in their places, and goes
// on by itself from there.

class Bail extends Error {
  override name = "Bail";
}

const BAIL = new Bail("left to the virtual machine");

/** Leaves the script to the virtual machine. */
export function giveUp(): never {
  throw BAIL;
}

/** Whether an exception says that a script has given up, or is too deep for the stack. */
export function hasGivenUp(error: unknown): boolean {
  return error === BAIL || error instanceof RangeError;
}
