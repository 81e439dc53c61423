// Users, and who is who: which clients act as which user, and whether their commands have to be
// checked. The user "default" always exists; it is who clients are before they say otherwise.
//
// Invariants: a client's user is one of the users; `isGuarded` of every client says truly whether
// its commands must be checked, whatever rules have changed.

import type { Logger } from "../base/log.ts";
import type { Client, Clients } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { CommandRegistry } from "../command/registry.ts";
import { AccessLog } from "./access-log.ts";
import { CommandIndex } from "./command-index.ts";
import { PermissionCheck } from "./permission-check.ts";
import { applyRule, type RuleScope } from "./rules.ts";
import { Selector } from "./selector.ts";
import { User } from "./user.ts";

export const DEFAULT_USER = "default";

/** What Redis lets everyone do unless told otherwise. */
const DEFAULT_RULES = ["+@all", "~*", "&*", "on", "nopass"];

/** One server's users. */
export class Acl implements RuleScope {
  readonly index: CommandIndex;
  readonly logger: Logger;
  readonly log = new AccessLog();
  readonly check = new PermissionCheck();
  /** acl-pubsub-default */
  allChannelsByDefault = false;
  readonly defaultUser: User;
  readonly #clients: Clients;
  #users = new Map<string, User>();

  constructor(registry: CommandRegistry, clients: Clients, logger: Logger) {
    this.index = new CommandIndex(registry);
    this.logger = logger;
    this.#clients = clients;
    this.defaultUser = this.newDefaultUser();
    this.#users.set(DEFAULT_USER, this.defaultUser);
  }

  find(name: string): User | undefined {
    return this.#users.get(name);
  }

  /** Every user, by name in the order of bytes. */
  get users(): User[] {
    return [...this.#users.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** A user that is not known yet. */
  newUser(name: string): User {
    return new User(name, new Selector(this.index.idCount, this.allChannelsByDefault));
  }

  /** The default user as it is without any rules. */
  newDefaultUser(): User {
    const user = new User(DEFAULT_USER, new Selector(0, this.allChannelsByDefault));
    for (const rule of DEFAULT_RULES) applyRule(user, rule, this);
    user.become(user);
    return user;
  }

  /** Makes a changed copy what the user of its name is, or adds it. */
  put(changed: User): User {
    const user = this.#users.get(changed.name) ?? changed;
    user.become(changed);
    this.#users.set(user.name, user);
    this.#guardAll();
    return user;
  }

  /**
   * Has these users and, if it is not among them, the default user as it is without any rules.
   * Users of a name that was known stay the same objects.
   */
  replaceAll(users: ReadonlyMap<string, User>): void {
    const former = this.#users;
    this.#users = new Map([[DEFAULT_USER, this.defaultUser]]);
    this.defaultUser.become(users.get(DEFAULT_USER) ?? this.newDefaultUser());
    for (const user of users.values()) {
      if (user.name === DEFAULT_USER) continue;
      const known = former.get(user.name) ?? user;
      known.become(user);
      this.#users.set(user.name, known);
    }
    this.#guardAll();
  }

  /** Removes a user that nobody is any more. */
  remove(user: User): void {
    this.#users.delete(user.name);
  }

  /** Sets the default user's password, or lets in whoever comes. */
  setDefaultPassword(password: string): void {
    const rule = password === "" ? "nopass" : `>${password}`;
    for (const each of ["resetpass", rule]) applyRule(this.defaultUser, each, this);
    this.#guardAll();
  }

  /** Whether clients have to say who they are before anything else. */
  get requiresPassword(): boolean {
    return !this.defaultUser.needsNoPassword || !this.defaultUser.isEnabled;
  }

  /** Makes a client what a new one is. */
  admit(client: Client): void {
    client.user = this.defaultUser;
    client.authenticated = !this.requiresPassword;
    this.#guard(client);
  }

  /** Makes a client act as a user if the password is right; false where it is not. */
  authenticate(client: Client, name: string, password: string): boolean {
    const user = this.#users.get(name);
    if (user === undefined || !user.accepts(password)) return false;
    client.user = user;
    client.authenticated = true;
    this.#guard(client);
    return true;
  }

  /** Whether the context's client may read any key with the command that it runs. */
  readsAllKeys(c: CommandContext<ServerContext>): boolean {
    return this.check.readsAllKeys(c.client.user as User, c.command, c, 0, c.count);
  }

  #guard(client: Client): void {
    client.mustAuthenticate = !client.authenticated && this.requiresPassword;
    client.isGuarded = client.mustAuthenticate || client.user.isRestricted;
  }

  #guardAll(): void {
    for (const client of this.#clients) this.#guard(client);
  }
}
