// Every script that was seen, by digest and by source. Scripts that came with EVAL are forgotten,
// the least recently used first, once there are too many; those of SCRIPT LOAD stay.

import { equalBytes } from "../base/ascii.ts";
import { latin1Text } from "../base/text.ts";
import { parseShebang, Script } from "./script.ts";

const EVALUATED_MAX = 500;
const SHA_LENGTH = 40;
/** What a script takes beside its source: as estimated. */
const SCRIPT_BYTES = 200;

/** The hexadecimal SHA-1 of bytes. */
export function sha1Hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha1").update(bytes).digest("hex");
}

/** The scripts of one server. */
export class ScriptCache {
  readonly #bySha = new Map<string, Script>();
  /** Chains of scripts whose sources have the same hash. */
  readonly #bySource = new Map<number, Script[]>();
  /** The EVAL scripts, least recently used first. */
  readonly #evaluated = new Set<Script>();
  /** The digest asked for last and its script: loops ask for the same one again and again. */
  #lastSha = new Uint8Array(SHA_LENGTH);
  #last: Script | undefined;
  bytes = 0;

  get count(): number {
    return this.#bySha.size;
  }

  [Symbol.iterator](): IterableIterator<Script> {
    return this.#bySha.values();
  }

  clear(): void {
    this.#bySha.clear();
    this.#bySource.clear();
    this.#evaluated.clear();
    this.#last = undefined;
    this.bytes = 0;
  }

  /** Finds a script by the digest in bytes[start, end), whatever its case. */
  find(bytes: Uint8Array, start: number, end: number): Script | undefined {
    if (end - start !== SHA_LENGTH) return undefined;
    if (this.#last !== undefined && equalBytes(this.#lastSha, 0, bytes, start, SHA_LENGTH)) {
      return this.#last;
    }
    const script = this.#bySha.get(latin1Text(bytes, start, end).toLowerCase());
    if (script !== undefined) {
      this.#lastSha.set(bytes.subarray(start, end));
      this.#last = script;
      this.#touch(script);
    }
    return script;
  }

  /** Finds a script by its source. */
  findSource(bytes: Uint8Array, start: number, end: number, hash: number): Script | undefined {
    const chain = this.#bySource.get(hash);
    if (chain === undefined) return undefined;
    for (const script of chain) {
      const { body } = script;
      if (body.length === end - start && equalBytes(body, 0, bytes, start, body.length)) {
        this.#touch(script);
        return script;
      }
    }
    return undefined;
  }

  /** A script of a source that is not known yet; a text is an error. It is not added yet. */
  make(body: Uint8Array, hash: number): Script | string {
    const flags = parseShebang(body);
    if (typeof flags === "string") return flags;
    return new Script(sha1Hex(body), body, hash, flags);
  }

  add(script: Script, isKept: boolean): void {
    this.#bySha.set(script.sha, script);
    const chain = this.#bySource.get(script.bodyHash);
    if (chain === undefined) this.#bySource.set(script.bodyHash, [script]);
    else chain.push(script);
    this.bytes += script.body.length + SCRIPT_BYTES;
    if (isKept) this.keep(script);
    else this.#evaluated.add(script);
  }

  /** Exempts a script from eviction. */
  keep(script: Script): void {
    script.isKept = true;
    this.#evaluated.delete(script);
  }

  /** The script to be forgotten for the sake of newer ones, if any. */
  evict(): Script | undefined {
    if (this.#evaluated.size <= EVALUATED_MAX) return undefined;
    const oldest = this.#evaluated.values().next().value!;
    this.#evaluated.delete(oldest);
    this.#bySha.delete(oldest.sha);
    const chain = this.#bySource.get(oldest.bodyHash)!;
    if (chain.length === 1) this.#bySource.delete(oldest.bodyHash);
    else chain.splice(chain.indexOf(oldest), 1);
    if (this.#last === oldest) this.#last = undefined;
    this.bytes -= oldest.body.length + SCRIPT_BYTES;
    return oldest;
  }

  #touch(script: Script): void {
    if (script.isKept) return;
    this.#evaluated.delete(script);
    this.#evaluated.add(script);
  }
}
