// Why a server does not start: what is on the disk cannot be loaded.

/** `lines` is what to tell the operator, most telling last. */
export class LoadError extends Error {
  override name = "LoadError";
  readonly lines: readonly string[];

  constructor(...lines: string[]) {
    super(lines.at(-1));
    this.lines = lines;
  }
}
