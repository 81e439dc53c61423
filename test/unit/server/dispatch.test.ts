import { describe, expect, test } from "bun:test";
import { ServerFixture } from "./server-fixture.ts";

describe("a batch in which a container's name stands alone", () => {
  const arity = (name: string) => `-ERR wrong number of arguments for '${name}' command\r\n`;

  test("does not take the command after it for the container", () => {
    for (const name of ["object", "config", "client", "memory", "slowlog", "latency"]) {
      const fixture = new ServerFixture();
      const unknown = `-ERR unknown subcommand 'nosuch'. Try ${name.toUpperCase()} HELP.\r\n`;
      const replies = fixture.connect().run(name, `${name} nosuch`, name, "ping");
      expect(replies).toBe(`${arity(name)}${unknown}${arity(name)}+PONG\r\n`);
    }
  });

  test("finds a subcommand after it", () => {
    const peer = new ServerFixture().connect();
    expect(peer.run("client", "client id", "client getname")).toBe(
      `${arity("client")}:1\r\n$-1\r\n`,
    );
  });
});

test("a batch's scripts find what earlier commands of theirs and others have made", () => {
  const peer = new ServerFixture().connect();
  const source = "return(redis.call('get','k')or'none')";
  const sha = peer.run(`script load ${source}`).slice(5, 45);
  const none = "$4\r\nnone\r\n";
  const value = "$1\r\nv\r\n";
  expect(peer.run("ping", `evalsha ${sha} 1 k`, "get k")).toBe(`+PONG\r\n${none}$-1\r\n`);
  peer.run("set k v");
  // What an earlier batch has left of another command is no knowledge of a script without keys.
  expect(peer.run("ping", "ping", `evalsha ${sha} 0`)).toBe(`+PONG\r\n+PONG\r\n${value}`);
  expect(peer.run(`evalsha ${sha} 1 k`, "del k", `evalsha ${sha} 1 k`)).toBe(
    `${value}:1\r\n${none}`,
  );
});

test("scripts see keys and arguments of any size", () => {
  const peer = new ServerFixture().connect();
  const source = "return{#KEYS,#KEYS[1],#ARGV,#ARGV[1],ARGV[2]}";
  const sha = peer.run(`script load ${source}`).slice(5, 45);
  for (const [key, value] of [
    [1, 1],
    [70_000, 1],
    [1, 70_000],
    [70_000, 70_000],
  ]) {
    const replies = peer.run(`evalsha ${sha} 1 ${"k".repeat(key)} ${"v".repeat(value)} w`);
    expect(replies).toBe(`*5\r\n:1\r\n:${key}\r\n:2\r\n:${value}\r\n$1\r\nw\r\n`);
  }
});
