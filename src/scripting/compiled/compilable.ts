// What is known of a script, or a function of a library, on its way to being compiled.

import type { Value } from "./operations.ts";

/** What one is compiled to. */
// biome-ignore lint/suspicious/noExplicitAny: every server has its own kind of CompiledRun
export type CompiledFunction = (run: any) => Value;

export class Compilable {
  compiled: CompiledFunction | undefined;
  isCompilable = true;
  /** Calls since it was compiled, or before; and of those, how many the machine took over. */
  calls = 0;
  takenOver = 0;
}
