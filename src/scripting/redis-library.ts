// The `redis` table that scripts call the server through.

import { REDIS_VERSION } from "../base/version.ts";
import type { ServerContext } from "../command/context.ts";
import { type CommandRunner, REPL_ALL } from "./command-runner.ts";
import { directInt32 } from "./integers.ts";
import { LUA_STRING, type Lua } from "./lua.ts";
import type { ReplyToLua } from "./reply-to-lua.ts";
import { sha1Hex } from "./script-cache.ts";

const LOG_LEVELS = { LOG_DEBUG: 0, LOG_VERBOSE: 1, LOG_NOTICE: 2, LOG_WARNING: 3 };
const REPLICATION = {
  REPL_NONE: 0,
  REPL_AOF: 1,
  REPL_SLAVE: 2,
  REPL_REPLICA: 2,
  REPL_ALL,
};

/** What the library needs. */
export interface RedisLibraryParts<S extends ServerContext> {
  readonly lua: Lua;
  readonly runner: CommandRunner<S>;
  readonly replies: ReplyToLua;
  readonly log: (level: number, text: string) => void;
  readonly isForFunctions: boolean;
}

/** Pushes the library's table. */
export function addRedisLibrary<S extends ServerContext>(parts: RedisLibraryParts<S>): void {
  const { lua, runner } = parts;
  const { main } = lua;
  lua.api.lua_createtable(main, 0, 32);
  lua.setFunctions(main, {
    call: (state) => runner.call(state, true),
    pcall: (state) => runner.call(state, false),
    ...replyFunctions(parts),
    ...modeFunctions(parts),
    log: (state) => log(parts, state),
    acl_check_cmd: (state) => aclCheck(parts, state),
    ...(parts.isForFunctions ? {} : evalFunctions(parts)),
  });
  setNumbers(lua, { ...LOG_LEVELS, ...REPLICATION });
  setVersion(lua);
}

/** Pushes what libraries of functions find in the library's place while they are loaded. */
export function addLoadLibrary<S extends ServerContext>(
  parts: RedisLibraryParts<S>,
  registerFunction: (state: number) => number,
): void {
  const { lua } = parts;
  lua.api.lua_createtable(lua.main, 0, 8);
  lua.setFunctions(lua.main, {
    register_function: registerFunction,
    log: (state) => log(parts, state),
  });
  setNumbers(lua, LOG_LEVELS);
  setVersion(lua);
}

/** Sets fields of the table on top. */
function setNumbers(lua: Lua, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    lua.api.lua_pushnumber(lua.main, value);
    lua.setField(lua.main, -2, name);
  }
}

function setVersion(lua: Lua): void {
  const [major, minor, patch] = REDIS_VERSION.split(".").map(Number);
  lua.pushText(lua.main, REDIS_VERSION);
  lua.setField(lua.main, -2, "REDIS_VERSION");
  setNumbers(lua, { REDIS_VERSION_NUM: (major << 16) | (minor << 8) | patch });
}

/** Raises an error as a table, which is how the library raises its own. */
function raise<S extends ServerContext>(
  { lua, replies }: RedisLibraryParts<S>,
  state: number,
  text: string,
): number {
  replies.pushError(state, `ERR ${text}`);
  return lua.api.lua_error(state);
}

function replyFunctions<S extends ServerContext>(parts: RedisLibraryParts<S>) {
  const { lua, replies } = parts;
  const { api } = lua;
  const single = (field: "ok" | "err") => (state: number) => {
    if (api.lua_gettop(state) !== 1 || api.lua_type(state, 1) !== LUA_STRING) {
      replies.pushError(state, "ERR wrong number or type of arguments");
      return 1;
    }
    let text = field === "err" ? lua.printed(state, 1) : lua.text(state, 1);
    if (field === "err") {
      if (text.startsWith("-")) text = text.slice(1);
      if (!text.includes(" ")) text = `ERR ${text}`;
      text = text.replace(/[\r\n]+$/, "");
    }
    api.lua_createtable(state, 0, 1);
    lua.pushText(state, text);
    lua.setField(state, -2, field);
    return 1;
  };
  return {
    error_reply: single("err"),
    status_reply: single("ok"),
    sha1hex: (state: number) => {
      if (api.lua_gettop(state) !== 1) return raise(parts, state, "wrong number of arguments");
      const at = lua.string(state, 1);
      lua.pushText(state, sha1Hex(lua.bytes.slice(at, at + lua.length)));
      return 1;
    },
  };
}

function modeFunctions<S extends ServerContext>(parts: RedisLibraryParts<S>) {
  const { lua, runner } = parts;
  const { api } = lua;
  return {
    setresp: (state: number) => {
      if (api.lua_gettop(state) !== 1) {
        return raise(parts, state, "redis.setresp() requires one argument.");
      }
      const version = directInt32(api.lua_tonumber(state, -1));
      if (version !== 2 && version !== 3) {
        return raise(parts, state, "RESP version must be 2 or 3.");
      }
      runner.protocol = version;
      return 0;
    },
    set_repl: (state: number) => {
      if (api.lua_gettop(state) !== 1) {
        return raise(parts, state, "redis.set_repl() requires one argument.");
      }
      const flags = directInt32(api.lua_tonumber(state, -1));
      if ((flags & ~REPL_ALL) !== 0) {
        const names = "Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return raise(parts, state, `Invalid replication flags. ${names}`);
      }
      runner.replication = flags;
      return 0;
    },
  };
}

/** What functions of libraries do not find. */
function evalFunctions<S extends ServerContext>({ lua }: RedisLibraryParts<S>) {
  const { api } = lua;
  const answer = (value: number) => (state: number) => {
    api.lua_pushboolean(state, value);
    return 1;
  };
  // Nobody debugs: neither waits nor prints.
  return { replicate_commands: answer(1), breakpoint: answer(0), debug: () => 0 };
}

function log<S extends ServerContext>(parts: RedisLibraryParts<S>, state: number): number {
  const { lua } = parts;
  const { api } = lua;
  const count = api.lua_gettop(state);
  if (count < 2) return raise(parts, state, "redis.log() requires two arguments or more.");
  if (api.lua_isnumber(state, 1) === 0) {
    return raise(parts, state, "First argument must be a number (log level).");
  }
  const level = directInt32(api.lua_tonumber(state, 1));
  if (level < 0 || level > 3) return raise(parts, state, "Invalid log level.");
  const texts: string[] = [];
  for (let k = 2; k <= count; k++) {
    if (lua.string(state, k) !== 0) texts.push(lua.text(state, k));
  }
  parts.log(level, texts.join(" "));
  return 0;
}

function aclCheck<S extends ServerContext>(parts: RedisLibraryParts<S>, state: number): number {
  const { lua, runner } = parts;
  const count = lua.api.lua_gettop(state);
  if (count === 0) {
    return raise(parts, state, "Please specify at least one argument for this redis lib call");
  }
  if (!runner.readArguments(state, count)) {
    const text = "Lua redis lib command arguments must be strings or integers";
    return raise(parts, state, text);
  }
  const command = runner.find(count);
  if (command === undefined) {
    return raise(parts, state, "Invalid command passed to redis.acl_check_cmd()");
  }
  lua.api.lua_pushboolean(state, runner.mayRun(command, count) ? 1 : 0);
  return 1;
}
