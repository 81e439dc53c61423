// The program as an operator meets it: command line, log, signals, exit codes, files.

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, FatalConfigError, ListenError, LoadError } from "../../src/index.ts";
import { RawClient } from "../harness/client.ts";
import { freePort } from "../harness/process.ts";
import { launchServer, PROJECT, startServer } from "../harness/server.ts";

const folder = mkdtempSync(join(tmpdir(), "miniredis-process-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let names = 0;
/** A path in this file's folder that nothing stands at yet. */
function freshPath(suffix: string): string {
  return join(folder, `${++names}${suffix}`);
}

/** Writes a configuration file and returns its path. */
function configFile(...lines: string[]): string {
  const path = freshPath(".conf");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** Runs the program to its end with these arguments and this standard input. */
async function run(args: readonly string[], input = "", environment = {}) {
  const child = Bun.spawn([process.execPath, "src/main.ts", ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...environment },
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

/** Resolves once a condition holds; the test's own deadline ends the wait. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Tries to connect until a server answers. */
async function connectWhenReady(address: { port: number } | { path: string }): Promise<RawClient> {
  for (;;) {
    try {
      const client = await RawClient.connect(address);
      if ((await client.ask("ping")).kind === "+") return client;
      client.close();
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe("start-up", () => {
  test("says its lines in order, each at once", async () => {
    await using server = await startServer();
    const lines = server.log.split("\n");
    const place = (text: string) => lines.findIndex((line) => line.includes(text));
    const places = [
      place("MiniRedis server starting..."),
      place(` PID: ${server.pid}`),
      place(`Port: ${server.port}`),
      place("Server initialized"),
      place("Ready to accept connections"),
    ];
    expect(places.every((at) => at >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((left, right) => left - right));
    expect(lines[places[3]]).toMatch(
      /^\d+:M \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} \* Server init/,
    );
  });

  test("names the AOF and the commands loaded from it", async () => {
    const path = freshPath(".aof");
    {
      await using server = await startServer({ args: ["--aof", path] });
      expect(server.log).toContain(`AOF: ${path} (loading 0 commands)`);
      await using client = await server.connect();
      for (let k = 0; k < 1233; k++) client.send(`set key:${k} v\r\n`);
      for (let k = 0; k < 1233; k++) await client.next();
    }
    await using server = await startServer({ args: ["--aof", path] });
    expect(server.log).toContain(`AOF: ${path} (loading 1,234 commands)`);
    await using client = await server.connect();
    expect(await client.run("dbsize")).toBe(1233);
  });

  test("a taken port is refused with status 1", async () => {
    await using first = await startServer();
    const { stdout, code } = await run(["--port", String(first.port), "--bind", "127.0.0.1"]);
    expect(code).toBe(1);
    expect(stdout).toContain("Address already in use");
    expect(stdout).toContain(`Failed listening on port ${first.port}`);
    await using client = await first.connect();
    expect(await client.run("ping")).toBe("PONG");
  });

  test("a wrong configuration ends with its file's line and status 1", async () => {
    const path = configFile("# fine", "port 0", "maxclients lots");
    const { stderr, code } = await run([path]);
    expect(code).toBe(1);
    expect(stderr).toContain("*** FATAL CONFIG FILE ERROR (");
    expect(stderr).toContain("Reading the configuration file, at line 3\n>>> 'maxclients lots'\n");
  });

  test("unknown options and missing files end with status 1", async () => {
    expect((await run(["--no-such-option", "1"])).code).toBe(1);
    const missing = await run([freshPath(".conf")]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("can't open config file");
  });

  test("TLS, which nobody would get, is refused with status 1", async () => {
    const { stdout, code } = await run(["--port", String(freePort()), "--tls-port", "7001"]);
    expect(code).toBe(1);
    expect(stdout).toContain("Failed to configure TLS");
  });

  test("--version and --help print and end", async () => {
    const version = await run(["--version"]);
    expect(version.stdout).toMatch(/^Redis server v=\d+\.\d+\.\d+ .*build=miniredis-1\.0\.0\n$/);
    expect(version.code).toBe(0);
    expect((await run(["--help"])).stderr).toContain("Usage: miniredis");
  });
});

describe("configuration", () => {
  test("comes from the file, its includes, standard input and options; the last wins", async () => {
    const included = configFile("maxclients 100", "timeout 5", "tcp-keepalive 11");
    const path = configFile("timeout 4", `include ${included}`, "tcp-keepalive 12");
    const port = freePort();
    const child = Bun.spawn(
      [process.execPath, "src/main.ts", path, "--port", String(port), "--hz", "22", "-"],
      {
        cwd: PROJECT,
        stdin: new TextEncoder().encode("hz 33\nmaxclients 200\n"),
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    await using client = await connectWhenReady({ port });
    const value = async (name: string) =>
      ((await client.run("config", "get", name)) as string[])[1];
    expect(await value("timeout")).toBe("5");
    expect(await value("tcp-keepalive")).toBe("12");
    expect(await value("maxclients")).toBe("200");
    expect(await value("hz")).toBe("22");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("CONFIG REWRITE changes the file the server was started from", async () => {
    const path = configFile("# kept", "timeout 4");
    const port = freePort();
    const child = Bun.spawn([process.execPath, "src/main.ts", path, "--port", String(port)], {
      cwd: PROJECT,
      stdout: "ignore",
      stderr: "ignore",
    });
    await using client = await connectWhenReady({ port });
    await client.run("config", "set", "timeout", "77");
    await client.run("config", "rewrite");
    expect(readFileSync(path, "utf8")).toContain("# kept\ntimeout 77\n");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

describe("signals", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} saves, says so and ends with status 0`, async () => {
      const directory = freshPath("");
      mkdirSync(directory);
      const server = await startServer({ args: ["--appendonly", "yes"], directory });
      await using client = await server.connect();
      await client.run("set", "key", "value");
      expect(await server.stop(signal)).toBe(0);
      expect(server.log).toContain(`Received ${signal} scheduling shutdown...`);
      expect(server.log).toContain("Redis is now ready to exit, bye bye...");
      await using again = await startServer({ args: ["--appendonly", "yes"], directory });
      await using other = await again.connect();
      expect(await other.run("get", "key")).toBe("value");
    });
  }

  test("SIGHUP does nothing: the terminal's end is not the server's", async () => {
    await using server = await startServer();
    server.signal("SIGHUP");
    await using client = await server.connect();
    expect(await client.run("ping")).toBe("PONG");
  });

  test("SHUTDOWN ends with status 0 and closes its clients", async () => {
    const server = await startServer();
    await using client = await server.connect();
    await using other = await server.connect();
    await other.run("ping");
    client.send("shutdown nosave\r\n");
    await client.closed;
    await other.closed;
    expect(await server.exited).toBe(0);
    await server.stop();
  });
});

describe("files", () => {
  test("the pid file is written at the start and removed at the end", async () => {
    const path = freshPath(".pid");
    const server = await startServer({ args: ["--pidfile", path] });
    expect(readFileSync(path, "utf8")).toBe(`${server.pid}\n`);
    await server.stop();
    expect(existsSync(path)).toBe(false);
    expect(server.log).toContain("Removing the pid file.");
  });

  test("a pid file that cannot be written is no reason not to start", async () => {
    await using server = await startServer({ args: ["--pidfile", "/nowhere/at/all.pid"] });
    expect(server.log).toContain("Failed to write PID file");
  });

  test("the log file is appended to and holds what stdout would", async () => {
    const path = freshPath(".log");
    writeFileSync(path, "from before\n");
    const port = freePort();
    const child = launchServer({ args: ["--logfile", path, "--port", String(port)] });
    await using client = await connectWhenReady({ port });
    await client.run("ping");
    expect(await child.stop()).toBe(0);
    const text = readFileSync(path, "utf8");
    expect(text).toStartWith("from before\n");
    expect(text).toContain("Ready to accept connections");
    expect(text).toContain("bye bye");
    expect(child.log).toBe("");
  });

  test("a log file that cannot be opened is a configuration error", async () => {
    const { stderr, code } = await run(["--port", "0", "--logfile", "/nowhere/at/all.log"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Can't open the log file: No such file or directory");
  });

  test("loglevel decides what is logged, and changes at once", async () => {
    await using server = await startServer({ args: ["--loglevel", "warning"] });
    expect(server.log).not.toContain("Server initialized");
    await using client = await server.connect();
    await client.run("config", "set", "loglevel", "verbose");
    await using bad = await server.connect();
    bad.send("*1\r\nx\r\n");
    await bad.closed;
    expect(await server.waitForLog("Protocol error")).toBe(true);
  });

  test("the unix socket has its permissions, serves, and goes with the server", async () => {
    const path = freshPath(".sock");
    const server = await startServer({ args: ["--unixsocket", path, "--unixsocketperm", "700"] });
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(path).isSocket()).toBe(true);
    await using client = await RawClient.connect({ path });
    expect(await client.run("ping")).toBe("PONG");
    expect(await client.run("client", "info")).toContain(`laddr=${path}:0`);
    await server.stop();
    expect(existsSync(path)).toBe(false);
  });

  test("`port 0` with a unix socket serves on that alone, over a stale one", async () => {
    const path = freshPath(".sock");
    writeFileSync(path, "stale");
    const child = launchServer({ args: ["--port", "0", "--unixsocket", path] });
    await using client = await connectWhenReady({ path });
    expect(await client.run("config", "get", "port")).toEqual(["port", "0"]);
    expect(child.log).toContain("Port: 0");
    expect(await child.stop()).toBe(0);
  });
});

describe("daemonize", () => {
  test("leaves a server in a session of its own, configured from standard input too", async () => {
    const port = freePort();
    const pidPath = freshPath(".pid");
    const logPath = freshPath(".log");
    const input = `port ${port}\ndaemonize yes\npidfile ${pidPath}\nlogfile ${logPath}\n`;
    const { code } = await run(["-"], input);
    expect(code).toBe(0);
    await using client = await connectWhenReady({ port });
    const pid = Number(readFileSync(pidPath, "utf8"));
    expect(String(await client.run("info", "server"))).toContain(`process_id:${pid}\r\n`);
    const session = Number(
      readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ")[3],
    );
    expect(session).toBe(pid);
    process.kill(pid, "SIGTERM");
    await client.closed;
    await until(() => !existsSync(pidPath));
    expect(readFileSync(logPath, "utf8")).toContain("Ready to accept connections");
  });
});

describe("the compiled program", () => {
  test("runs from any folder with nothing beside it", async () => {
    const place = freshPath("");
    mkdirSync(place);
    const program = join(place, "miniredis");
    const { build } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")).scripts;
    const command = String(build).replace("dist/miniredis", program).split(" ");
    const built = Bun.spawnSync([process.execPath, ...command.slice(1)], { cwd: PROJECT });
    expect(built.exitCode).toBe(0);
    chmodSync(program, 0o755);
    const port = freePort();
    const child = Bun.spawn([program, "--port", String(port)], {
      cwd: place,
      env: {},
      stdout: "ignore",
      stderr: "ignore",
    });
    await using client = await connectWhenReady({ port });
    expect(await client.run("set", "key", "value")).toBe("OK");
    expect(await client.run("lolwut")).toContain("ver");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);

    const options = ["--port", String(port), "--daemonize", "yes", "--pidfile", "pid"];
    expect(Bun.spawnSync([program, ...options], { cwd: place }).exitCode).toBe(0);
    await using other = await connectWhenReady({ port });
    process.kill(Number(readFileSync(join(place, "pid"), "utf8")), "SIGTERM");
    await other.closed;
    await until(() => !existsSync(join(place, "pid")));
  }, 60_000);
});

describe("createServer", () => {
  test("several servers in one process do not meet", async () => {
    await using first = await createServer();
    await using second = await createServer({ maxmemory: "10mb", requirepass: "secret" });
    expect(first.port).not.toBe(second.port);
    await using left = await RawClient.connect({ port: first.port });
    await using right = await RawClient.connect({ port: second.port });
    expect((await right.ask("get", "key")).kind).toBe("-");
    expect(await right.run("auth", "secret")).toBe("OK");
    expect(await left.run("set", "key", "left")).toBe("OK");
    expect(await left.run("config", "set", "timeout", "77")).toBe("OK");
    expect(await right.run("get", "key")).toBeNull();
    expect(await right.run("config", "get", "timeout")).toEqual(["timeout", "0"]);
    expect(await left.run("config", "get", "maxmemory")).toEqual(["maxmemory", "0"]);
    expect(String(await left.run("info", "clients"))).toContain("connected_clients:1\r\n");
    const runId = async (client: RawClient) =>
      /run_id:(\w{40})/.exec(String(await client.run("info", "server")))![1];
    expect(await runId(left)).not.toBe(await runId(right));
  });

  test("`await using` closes the listener and the clients", async () => {
    let port = 0;
    let client: RawClient;
    {
      await using server = await createServer();
      port = server.port;
      expect(server.url).toBe(`redis://127.0.0.1:${port}`);
      client = await RawClient.connect({ port });
      await client.run("ping");
    }
    await client.closed;
    expect(RawClient.connect({ port })).rejects.toThrow();
    await using again = await createServer({ port });
    expect(again.port).toBe(port);
  });

  test("refuses wrong directives, ports that are taken and data that are none", async () => {
    const refusal = (directives: Parameters<typeof createServer>[0]) =>
      createServer(directives).catch((error: unknown) => error);
    expect(await refusal({ nonsense: 1 })).toBeInstanceOf(FatalConfigError);
    await using server = await createServer();
    const taken = await refusal({ port: server.port });
    expect(taken).toBeInstanceOf(ListenError);
    expect(String(taken)).toContain("Failed listening on port");
    const path = freshPath(".rdb");
    writeFileSync(path, "no snapshot");
    const [dir, dbfilename] = [folder, path.slice(folder.length + 1)];
    expect(await refusal({ dir, dbfilename })).toBeInstanceOf(LoadError);
  });

  test("a client over maxclients is refused, and the others go on", async () => {
    await using server = await createServer({ maxclients: 1 });
    await using first = await RawClient.connect({ port: server.port });
    await first.run("ping");
    await using second = await RawClient.connect({ port: server.port });
    expect((await second.next()).raw.toString()).toBe("-ERR max number of clients reached\r\n");
    await second.closed;
    expect(await first.run("ping")).toBe("PONG");
  });
});
