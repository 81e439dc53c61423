// redis-cli and redis-benchmark, where they are installed, against our server.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ORACLES_REQUIRED } from "../harness/oracle.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const missing = ["redis-cli", "redis-benchmark"].filter((tool) => Bun.which(tool) === null);

if (missing.length > 0 && ORACLES_REQUIRED) {
  test("redis-cli and redis-benchmark are there", () => {
    throw new Error(`missing: ${missing.join(", ")}`);
  });
}

let server: ServerProcess;

async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(`${await child.exited} ${errors}`).toBe("0 ");
  return output;
}

const cli = (...args: string[]) => run("redis-cli", "-p", String(server.port), ...args);

const title = missing.length === 0 ? "Redis's own tools" : `SKIPPED: ${missing} not installed`;
describe.if(missing.length === 0)(title, () => {
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  for (const protocol of ["-2", "-3"]) {
    test(`redis-cli ${protocol} talks to the server`, async () => {
      expect(await cli(protocol, "set", "k", "a value")).toBe("OK\n");
      expect(await cli(protocol, "get", "k")).toBe("a value\n");
      expect(await cli(protocol, "--json", "mget", "k", "absent")).toBe('["a value",null]\n');
      expect(await cli(protocol, "dbsize")).toBe("1\n");
    });
  }

  test("redis-cli --scan and --bigkeys walk the keys", async () => {
    await cli("mset", "a", "1", "b", "22", "c", "333");
    expect((await cli("--scan")).trim().split("\n").sort()).toEqual(["a", "b", "c", "k"]);
    expect(await cli("--bigkeys")).toContain("Sampled 4 keys in the keyspace");
  });

  for (const depth of ["1", "16"]) {
    test(`redis-benchmark -P ${depth} completes`, async () => {
      const options = ["-t", "ping,set,get,incr,mset", "-n", "1000", "-c", "20", "-r", "1000"];
      const output = await run(
        ...["redis-benchmark", "-p", String(server.port), "-P", depth, "--csv", ...options],
      );
      const rows = output.split("\n").filter((line) => /^"(PING|SET|GET|INCR|MSET)/.test(line));
      expect(rows.length).toBe(6);
    });
  }
});
