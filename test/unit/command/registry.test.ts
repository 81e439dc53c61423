import { expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { CommandRegistry } from "../../../src/command/registry.ts";
import { families } from "../../../src/commands/families.ts";

type Registry = ReturnType<typeof registryOf>;

const registryOf = () => CommandRegistry.of(families);

function find(registry: Registry, name: string) {
  const bytes = latin1Bytes(name);
  return registry.find(bytes, 0, bytes.length);
}

test("a renamed command is found under its new name only and stays itself", () => {
  const registry = registryOf();
  const before = find(registry, "set");
  expect(registry.rename("SET", "Hidden-Set")).toBe(true);
  expect(find(registry, "set")).toBeUndefined();
  expect(find(registry, "HIDDEN-set")).toBe(before);
  expect(before?.fullName).toBe("set");
  expect(before?.spec.name).toBe("SET");
  expect(registry.rename("set", "other")).toBe(false);
});

test("a renamed command can be renamed again and removed", () => {
  const registry = registryOf();
  const { count } = registry;
  registry.rename("config", "one");
  registry.rename("one", "two");
  expect(find(registry, "one")).toBeUndefined();
  expect(find(registry, "two")?.subcommands).toBeDefined();
  expect(registry.count).toBe(count);
  expect(registry.rename("two", "")).toBe(true);
  expect(find(registry, "two")).toBeUndefined();
  expect(find(registry, "config")).toBeUndefined();
  expect(registry.count).toBe(count - 1);
});

test("every other command is found as before", () => {
  const registry = registryOf();
  registry.rename("get", "fetch");
  registry.rename("del", "");
  for (const command of registry) {
    const name = command.spec.name === "GET" ? "fetch" : command.spec.name;
    expect(find(registry, name)).toBe(command);
  }
});

test("the first key is known ahead where it stands at a fixed place, or behind a count", () => {
  const registry = registryOf();
  const places = { get: 1, bitop: 2, evalsha: 3, fcall: 3, zunionstore: 1, zunion: 2, lmpop: 2 };
  for (const [name, place] of Object.entries(places)) {
    expect(find(registry, name)?.firstKey).toBe(place);
  }
  for (const name of ["ping", "xread", "migrate"]) {
    expect(find(registry, name)?.firstKey).not.toBe(1);
  }
});
