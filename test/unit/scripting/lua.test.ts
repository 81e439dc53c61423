import { expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { Lua } from "../../../src/scripting/lua.ts";
import type { Supervisor } from "../../../src/scripting/lua-module.ts";

const BYTES_MAX = 1 << 22;

const supervisor: Supervisor = {
  onHook: () => false,
  pause: () => Promise.resolve(),
  resumed: () => {},
  ended: () => {},
};

function start(): Lua {
  const lua = new Lua(supervisor, BYTES_MAX);
  lua.open("luaopen_base");
  lua.open("luaopen_string");
  lua.open("luaopen_table");
  return lua;
}

/** Runs a source; what it returns, as text. */
function run(lua: Lua, source: string): string {
  expect(lua.load(lua.main, latin1Bytes(source), "=test")).toBe(true);
  lua.api.lua_pcall(lua.main, 0, 1, 0);
  const text = lua.text(lua.main, -1);
  lua.api.lua_settop(lua.main, 0);
  return text;
}

test("memory ends where it is said to, and what is left works", () => {
  const lua = start();
  for (const greedy of [
    "local s = 'x' while true do s = s .. s end",
    "local t = {} for i = 1, 1e9 do t[i] = i end",
    "local t = {} for i = 1, 1e9 do t[i] = {} end",
    "return string.rep('x', 1e9)",
    "local t = {} for i = 1, 1e9 do t[tostring(i)] = i end",
    "local s, t = string.rep('x', 1e6), {} for i = 1, 100 do t[i] = s end " +
      "return table.concat(t)",
  ]) {
    expect(run(lua, greedy)).toBe("not enough memory");
    expect(
      run(lua, "local t = {} for i = 1, 100 do t[i] = i end return table.concat(t)"),
    ).toStartWith("123456789");
  }
  lua.api.lua_gc(lua.main, 2, 0);
  expect(lua.module.usedBytes()).toBeLessThan(200_000);
});

test("Lua's bytes are counted exactly", () => {
  const lua = start();
  lua.api.lua_gc(lua.main, 2, 0);
  const before = lua.module.usedBytes();
  run(lua, "kept = string.rep('x', 100000)");
  lua.api.lua_gc(lua.main, 2, 0);
  expect(lua.module.usedBytes() - before).toBeGreaterThan(100_000);
  run(lua, "kept = nil");
  lua.api.lua_gc(lua.main, 2, 0);
  expect(lua.module.usedBytes() - before).toBeLessThan(20_000);
  expect(lua.module.usedBytes() >> 10).toBe(lua.api.lua_gc(lua.main, 3, 0));
});
