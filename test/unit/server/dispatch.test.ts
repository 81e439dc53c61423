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
