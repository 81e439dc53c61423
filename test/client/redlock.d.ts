// redlock brings types that its package.json does not export: what the tests use of them.

declare module "redlock" {
  import type { Redis } from "ioredis";

  export class Lock {
    expiration: number;
    extend(durationMs: number): Promise<Lock>;
    release(): Promise<unknown>;
  }

  export interface Settings {
    retryCount: number;
    retryDelay: number;
    automaticExtensionThreshold: number;
  }

  export default class Redlock {
    constructor(clients: Iterable<Redis>, settings?: Partial<Settings>);
    acquire(resources: string[], durationMs: number, settings?: Partial<Settings>): Promise<Lock>;
    using<T>(
      resources: string[],
      durationMs: number,
      settings: Partial<Settings>,
      routine: (signal: AbortSignal) => Promise<T>,
    ): Promise<T>;
  }
}
