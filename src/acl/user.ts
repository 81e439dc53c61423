// A user: whether and with which passwords a client becomes it, and what it may then do. The first
// selector, the root, is what rules outside of parentheses are about.

import type { ClientUser } from "../command/client.ts";
import { passwordHash, sameHash } from "./passwords.ts";
import { ALL_KEYS, READ_KEYS, type Selector } from "./selector.ts";

/** One user. */
export class User implements ClientUser {
  readonly name: string;
  isEnabled = false;
  /** Any password is right. */
  needsNoPassword = false;
  /** RESTORE checks the payloads that it sends. */
  sanitizes = true;
  /** Hashes, in the order in which they were added. */
  passwords: string[] = [];
  selectors: Selector[];
  isRestricted = true;

  constructor(name: string, root: Selector) {
    this.name = name;
    this.selectors = [root];
  }

  /** A user of the same name and permissions, of which rules can be changed. */
  copy(commandCount: number): User {
    const copy = new User(this.name, this.selectors[0]);
    copy.become(this);
    copy.selectors = this.selectors.map((selector) => selector.copy(commandCount));
    return copy;
  }

  /** Takes over all that another user of the name is, who is not used any more. */
  become(other: User): void {
    this.isEnabled = other.isEnabled;
    this.needsNoPassword = other.needsNoPassword;
    this.sanitizes = other.sanitizes;
    this.passwords = other.passwords.slice();
    this.selectors = other.selectors;
    this.isRestricted = !this.selectors.some((selector) => selector.isUnrestricted);
  }

  /** What a new user is. */
  reset(root: Selector): void {
    this.isEnabled = false;
    this.setNoPassword(false);
    this.sanitizes = true;
    this.selectors = [root];
  }

  /** Adds a password by its hash, unless it has it. */
  addPassword(hash: string): void {
    if (!this.passwords.includes(hash)) this.passwords.push(hash);
    this.needsNoPassword = false;
  }

  /** Removes a password by its hash; false where it has no such. */
  removePassword(hash: string): boolean {
    const at = this.passwords.indexOf(hash);
    if (at < 0) return false;
    this.passwords.splice(at, 1);
    return true;
  }

  /** Forgets all passwords: from now on any one is right, or none. */
  setNoPassword(needsNoPassword: boolean): void {
    this.needsNoPassword = needsNoPassword;
    this.passwords = [];
  }

  /** Whether a client that knows a password may become this user. */
  accepts(password: string): boolean {
    if (!this.isEnabled) return false;
    if (this.needsNoPassword) return true;
    const hash = passwordHash(password);
    let isKnown = false;
    for (const known of this.passwords) if (sameHash(known, hash)) isKnown = true;
    return isKnown;
  }

  /** The flags that ACL GETUSER shows. */
  get flags(): string[] {
    const flags = [this.isEnabled ? "on" : "off"];
    if (this.needsNoPassword) flags.push("nopass");
    flags.push(this.sanitizes ? "sanitize-payload" : "skip-sanitize-payload");
    return flags;
  }

  /** The rules that make a new user this one, as ACL LIST shows them. */
  describe(): string {
    const words = [...this.flags, ...this.passwords.map((hash) => `#${hash}`)];
    for (const [k, selector] of this.selectors.entries()) {
      const rules = describeSelector(selector);
      words.push(k === 0 ? rules : `(${rules})`);
    }
    return words.join(" ");
  }
}

/** A selector's commands: what it starts from, and the rules since. */
export function describeCommands(selector: Selector): string {
  return [selector.startsFromAll ? "+@all" : "-@all", ...selector.rules].join(" ");
}

/** A selector's key patterns. */
export function describeKeys(selector: Selector): string {
  if (selector.allowsAllKeys) return "~*";
  return selector.keys
    .map(({ text, access }) => {
      if (access === ALL_KEYS) return `~${text}`;
      return `${access === READ_KEYS ? "%R~" : "%W~"}${text}`;
    })
    .join(" ");
}

/** A selector's channel patterns. */
export function describeChannels(selector: Selector): string {
  if (selector.allowsAllChannels) return "&*";
  return selector.channels.map(({ text }) => `&${text}`).join(" ");
}

function describeSelector(selector: Selector): string {
  const channels = describeChannels(selector);
  const parts = [
    describeKeys(selector),
    selector.allowsAllChannels ? channels : `resetchannels ${channels}`.trimEnd(),
    describeCommands(selector),
  ];
  return parts.filter((part) => part !== "").join(" ");
}
