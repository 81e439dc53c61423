import { beforeEach, expect, test } from "bun:test";
import { bulk, bulks, GenericFixture, integer, SYNTAX_ERROR } from "./generic-fixture.ts";

let f: GenericFixture;

beforeEach(() => {
  f = new GenericFixture();
});

function simples(...texts: string[]): string {
  return texts.map((text) => `+${text}\r\n`).join("");
}

/** Strings and integers one after the other, without a header. */
function items(...values: (string | number)[]): string {
  return values.map((v) => (typeof v === "number" ? integer(v) : bulk(v))).join("");
}

test("COMMAND INFO describes a command as Redis 8.0 does, in either protocol", () => {
  const info = (map: (pairs: number) => string, set: (count: number) => string) =>
    `*1\r\n*10\r\n${items("ttl", 2)}` +
    `${set(2)}${simples("readonly", "fast")}${items(1, 1, 1)}` +
    `${set(3)}${simples("@keyspace", "@read", "@fast")}` +
    `${set(1)}${bulk("nondeterministic_output")}` +
    `${set(1)}${map(3)}${bulk("flags")}${set(2)}${simples("RO", "access")}` +
    `${bulk("begin_search")}${map(2)}${items("type", "index", "spec")}` +
    `${map(1)}${items("index", 1)}` +
    `${bulk("find_keys")}${map(2)}${items("type", "range", "spec")}${map(3)}` +
    `${items("lastkey", 0, "keystep", 1, "limit", 0)}${set(0)}`;
  const array = (count: number) => `*${count}\r\n`;
  expect(f.run("COMMAND", "INFO", "TTL")).toBe(info((pairs) => array(pairs * 2), array));
  f.protocol = 3;
  const set = (count: number) => `~${count}\r\n`;
  expect(f.run("COMMAND", "INFO", "ttl")).toBe(info((pairs) => `%${pairs}\r\n`, set));
});

test("COMMAND INFO shows subcommands inside their container and by full name", () => {
  const container = f.run("COMMAND", "INFO", "object");
  const sub = f.run("COMMAND", "INFO", "OBJECT|freq");
  expect(container).toContain(sub.slice("*1\r\n".length));
  expect(container).toContain("*5\r\n*10\r\n$15\r\nobject|encoding\r\n");
});

test("COMMAND INFO answers null for names that are no command", () => {
  expect(f.run("COMMAND", "INFO", "nosuch", "get|x", "object|", "|")).toBe(
    `*4\r\n${"$-1\r\n".repeat(4)}`,
  );
  f.protocol = 3;
  expect(f.run("COMMAND", "INFO", "nosuch")).toBe("*1\r\n_\r\n");
});

test("COMMAND and COMMAND INFO without names describe every command", () => {
  const all = f.run("COMMAND");
  expect(all).toStartWith(`*${f.registry.count}\r\n*10\r\n`);
  expect(f.run("COMMAND", "INFO")).toBe(all);
  expect(f.run("COMMAND", "COUNT")).toBe(integer(f.registry.count));
});

test("COMMAND DOCS documents the fields that say something", () => {
  f.protocol = 3;
  expect(f.run("COMMAND", "DOCS", "wait", "nosuch")).toBe(
    `%1\r\n${bulk("wait")}%5\r\n` +
      items("summary", "Waits until replicas have taken the connection's writes.") +
      items("since", "3.0.0", "group", "generic", "complexity", "O(1)", "arguments") +
      `*2\r\n%3\r\n${items("name", "numreplicas", "type", "integer")}` +
      `${items("display_text", "numreplicas")}` +
      `%3\r\n${items("name", "timeout", "type", "integer", "display_text", "timeout")}`,
  );
});

test("COMMAND DOCS nests choices and marks options", () => {
  const docs = f.run("COMMAND", "DOCS", "flushdb");
  expect(docs).toContain(
    `*8\r\n${items("name", "flush-type", "type", "oneof", "flags")}*1\r\n+optional\r\n` +
      `${bulk("arguments")}*2\r\n*10\r\n` +
      items("name", "async", "type", "pure-token", "display_text", "async") +
      items("token", "ASYNC", "since", "4.0.0"),
  );
  expect(docs).toContain(`${bulk("history")}*2\r\n*2\r\n${bulk("4.0.0")}`);
});

test("COMMAND DOCS of a container documents its subcommands by full name", () => {
  f.protocol = 3;
  const docs = f.run("COMMAND", "DOCS", "object");
  expect(docs).toContain(`${bulk("subcommands")}%5\r\n${bulk("object|encoding")}%5\r\n`);
});

test("COMMAND LIST lists every name, subcommands behind their container", () => {
  const list = f.run("COMMAND", "LIST");
  expect(list).toContain(items("object", "object|encoding", "object|freq"));
  expect(list).toContain(items("command", "command|count"));
});

test("COMMAND LIST filters by category, pattern and module, whatever the case", () => {
  expect(f.run("COMMAND", "LIST", "FILTERBY", "PATTERN", "PEXPIRE*")).toBe(
    bulks("pexpire", "pexpireat", "pexpiretime"),
  );
  expect(f.run("COMMAND", "LIST", "filterby", "pattern", "object|[ef]*")).toBe(
    bulks("object|encoding", "object|freq"),
  );
  expect(f.run("COMMAND", "LIST", "FILTERBY", "ACLCAT", "BLOCKING")).toBe(bulks("wait", "waitaof"));
  expect(f.run("COMMAND", "LIST", "FILTERBY", "ACLCAT", "nosuch")).toBe(bulks());
  expect(f.run("COMMAND", "LIST", "FILTERBY", "MODULE", "json")).toBe(bulks());
});

test("COMMAND LIST takes nothing but one whole filter", () => {
  for (const wrong of [["x"], ["FILTERBY"], ["FILTERBY", "PATTERN"], ["FILTERBY", "FOO", "x"]]) {
    expect(f.run("COMMAND", "LIST", ...wrong)).toBe(SYNTAX_ERROR);
  }
  expect(f.run("COMMAND", "LIST", "FILTERBY", "ACLCAT", "read", "x")).toBe(SYNTAX_ERROR);
});

test("COMMAND GETKEYS finds the keys of a command line", () => {
  expect(f.run("COMMAND", "GETKEYS", "DEL", "a", "b", "c")).toBe(bulks("a", "b", "c"));
  expect(f.run("COMMAND", "GETKEYS", "object", "freq", "k")).toBe(bulks("k"));
  expect(f.run("COMMAND", "GETKEYSANDFLAGS", "rename", "a", "b")).toBe(
    `*2\r\n*2\r\n${bulk("a")}*3\r\n${simples("RW", "access", "delete")}` +
      `*2\r\n${bulk("b")}*2\r\n${simples("OW", "update")}`,
  );
});

test("COMMAND GETKEYS says what is wrong with a command line", () => {
  const keysOf = (...line: string[]) => f.run("COMMAND", "GETKEYS", ...line);
  expect(keysOf("nosuch", "a")).toBe("-ERR Invalid command specified\r\n");
  expect(keysOf("object", "nosuch", "a")).toBe("-ERR Invalid command specified\r\n");
  expect(keysOf("object")).toBe("-ERR The command has no key arguments\r\n");
  expect(keysOf("wait", "1", "2")).toBe("-ERR The command has no key arguments\r\n");
  expect(keysOf("get")).toBe("-ERR Invalid number of arguments specified for command\r\n");
});

test("COMMAND HELP lists every subcommand", () => {
  const help = f.run("COMMAND", "HELP");
  for (const name of ["COUNT", "DOCS", "GETKEYS", "GETKEYSANDFLAGS", "HELP", "INFO", "LIST"]) {
    expect(help).toContain(`+${name}`);
  }
});
