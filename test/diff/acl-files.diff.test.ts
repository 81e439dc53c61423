// Users in configuration and ACL files, against Redis 8.0: what a server starts with, how it
// refuses to start, and what ACL LOAD, ACL SAVE and CONFIG REWRITE make of them.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RawClient } from "../harness/client.ts";
import { findOracle, ORACLES_REQUIRED } from "../harness/oracle.ts";
import { type Launch, ServerProcess } from "../harness/process.ts";
import { plainValue } from "../harness/reply.ts";
import { PROJECT } from "../harness/server.ts";

setDefaultTimeout(60_000);

const ORACLE = findOracle("redis8");
const OURS: Launch = {
  command: (port, directory) => [
    ...[process.execPath, "run", "src/main.ts", join(directory, "redis.conf")],
    ...["--port", String(port)],
  ],
  scratch: tmpdir(),
  cwd: PROJECT,
  environment: { MINIREDIS_VERIFY: "1" },
};

/** The oracle, with its configuration file in front of its own arguments. */
function theirs(oracle: Launch): Launch {
  const command = (port: number, directory: string) => {
    const words = oracle.command(port, directory);
    const first = words.indexOf("--port");
    return [...words.slice(0, first), join(directory, "redis.conf"), "--port", String(port)];
  };
  return { ...oracle, command };
}

/** A server with files of its own. */
interface Stand {
  readonly client: RawClient;
  connect(): Promise<RawClient>;
  read(name: string): string;
  write(name: string, text: string): void;
}

/** Where files are differs between the two servers. */
type Files = (directory: string) => { readonly conf: string; readonly acl?: string };

/**
 * Starts a server on files and has `run` use it; where it does not start, returns what it says
 * about that instead.
 */
async function outcome(launch: Launch, files: Files, run: (stand: Stand) => Promise<unknown>) {
  const directory = mkdtempSync(join(launch.scratch, "miniredis-acl-"));
  const seen = launch.root ? directory.slice(launch.root.length) : directory;
  const hide = (text: string) => text.replaceAll(seen, "DIR");
  const write = (name: string, text: string) =>
    writeFileSync(join(directory, name), Buffer.from(text, "latin1"));
  const { conf, acl } = files(seen);
  write("redis.conf", `save ""\ndir ${seen}\n${conf}`);
  if (acl !== undefined) write("users.acl", acl);
  const server = ServerProcess.launch({ ...launch, directory });
  const clients: RawClient[] = [];
  const connect = async () => {
    clients.push(await server.connect());
    return clients.at(-1)!;
  };
  try {
    if (!(await server.waitForLog("Ready to accept connections"))) {
      return [await server.exited, complaints(hide(server.log))];
    }
    const read = (name: string) => hide(readFileSync(join(directory, name), "latin1"));
    const result = await run({ client: await connect(), connect, read, write });
    return JSON.parse(hide(JSON.stringify(result)));
  } finally {
    for (const client of clients) client.close();
    await server.stop("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The lines of a log that tell why there is no server. */
function complaints(log: string): string[] {
  return log
    .split("\n")
    .map((line) => line.replace(/^\d+:\w .* ([#*]) /, "$1 ").replace(/Redis \d+\.\d+\.\d+/, ""))
    .filter((line) => /ACL|user|Crit|FATAL|>>>|at line|wrong number/i.test(line))
    .filter((line) => !/Deprecation|User requested/.test(line));
}

/** Both servers' outcomes are the same. Most of the time they start, so several do at once. */
function same(title: string, files: Files, run: (stand: Stand) => Promise<unknown>): void {
  test.concurrent.skipIf(ORACLE === undefined && !ORACLES_REQUIRED)(title, async () => {
    const [ours, real] = await Promise.all([
      outcome(OURS, files, run),
      outcome(theirs(ORACLE!), files, run),
    ]);
    expect(ours).toEqual(real);
  });
}

async function ask(client: RawClient, ...lines: string[]): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (const line of lines) {
    const reply = await client.ask(...line.split(" "));
    replies.push(reply.kind === "-" || reply.kind === "closed" ? reply.raw : plainValue(reply));
  }
  return replies;
}

const CONFIGURATIONS: readonly string[] = [
  "user a on nopass +@all",
  "user a on >x ~* &* (+get ~x) +get|a\nuser b off\nuser default on nopass +@all",
  "user a on +nosuch",
  "user a on (+nosuch)",
  "user a on\nuser a off",
  'user "a b" on',
  "user a ( +get",
  "user a on ~a (+get",
  "user a (+get (+set)",
  "user a <x",
  "user a on ~* <x",
  "user a ~* ~b",
  "user a on ~* nosuch",
  "user a #abc",
  "user a +config|get|x",
  "user",
  "requirepass foo\nuser a on nopass +@all",
  "user default on nopass +@all ~k\nrequirepass foo",
  "acl-pubsub-default allchannels\nuser a on nopass +@all (~x)\nuser b reset",
  "aclfile DIR/users.acl\nuser a on",
  "aclfile DIR/nosuch.acl",
];

for (const conf of CONFIGURATIONS) {
  const files = (directory: string) => ({ conf: conf.replaceAll("DIR", directory), acl: "" });
  same(`a server with ${JSON.stringify(conf)}`, files, ({ client }) =>
    ask(client, "acl list", "auth a x", "acl list", "acl whoami", "config get requirepass"),
  );
}

const FILES: readonly string[] = [
  "",
  "user a on nopass ~* +@all\n\n  \nuser b off\n",
  "user a on nopass ~* +@all\n# comment\n",
  "user\n",
  "user a\nfoo bar\nuser a\nuser a\n",
  "user a on bad bad +nosuch +@nosuch ~* ~a\nuser b ( +get\nuser c (+get\nuser d >x #abc\n",
  "USER x on\n",
  'user "a" on\n  user z on   nopass \t\r\nuser default off',
  "user a on  nopass  (+get  ~a  )  ( +set )\nuser  b on\n",
  "user a on\tnopass\n",
  "user default on nopass +@all ~x\nuser c on >x &a\n",
];

/** Of those, the ones that a server is started with, too: what else is read there is the same. */
const STARTED_WITH: ReadonlySet<string> = new Set([FILES[1], FILES[5], FILES[7], FILES[10]]);

const requiring = (acl: string) => (directory: string) => {
  return { conf: `requirepass foo\naclfile ${directory}/users.acl`, acl };
};

for (const acl of STARTED_WITH) {
  same(`a server with the ACL file ${JSON.stringify(acl)}`, requiring(acl), ({ client }) =>
    ask(client, "acl list", "auth foo", "acl list", "config get requirepass"),
  );
}

same("ACL LOAD reads files of every kind", requiring(FILES[1]), async (stand) => {
  const seen: unknown[] = [];
  const admin = "user admin on nopass ~* &* +@all\n";
  stand.write("users.acl", admin);
  await ask(stand.client, "auth foo", "acl load", "auth admin x");
  for (const acl of FILES) {
    // An administrator at the end stays, whatever becomes of the default user.
    stand.write("users.acl", `${acl}\n${admin}`);
    seen.push(acl, await ask(stand.client, "acl load", "acl list", "config get requirepass"));
    seen.push(await ask(await stand.connect(), "acl whoami", "auth foo", "acl whoami"));
    stand.write("users.acl", admin);
    seen.push(await ask(stand.client, "acl load", "acl list"));
  }
  return seen;
});

const RUNNING = "user default on nopass ~* &* +@all\nuser a on nopass ~* +@all &*\n";
const AGAIN =
  "user b on >x ~* +@all &a* &b\nuser c on nopass +@all &c\nuser d on nopass +@all &c\n";

same(
  "ACL LOAD changes users and disconnects clients, ACL SAVE writes the file",
  (directory) => ({ conf: `aclfile ${directory}/users.acl`, acl: RUNNING + AGAIN }),
  async ({ client, connect, read, write }) => {
    const seen: unknown[] = [await ask(client, "acl list")];
    const names = ["a", "b", "c", "c", "d"];
    const clients: RawClient[] = [];
    for (const name of names) {
      clients.push(await connect());
      await ask(clients.at(-1)!, "hello 3", `auth ${name} x`);
    }
    clients[1].send("subscribe a1 b\r\n");
    clients[2].send("subscribe c\r\n");
    await ask(clients[1], "ping");
    await ask(clients[2], "ping");
    const states = async () => {
      const replies: unknown[] = [];
      for (const each of clients) replies.push(await ask(each, "acl whoami"));
      return replies;
    };
    const load = async (text: string) => {
      write("users.acl", text);
      seen.push(await ask(client, "acl load", "acl list"), await states());
    };
    seen.push(await ask(client, "acl load"), await states());
    await load("user a on bad\nuser x (\n");
    await load(
      "user default on nopass ~* &* +@all\nuser b on >y ~* +@all &a*\n" +
        "user c on >z +@all\nuser d off",
    );
    seen.push(await ask(client, "acl setuser e on >pw +get (%R~x +@all) -config|get", "acl save"));
    seen.push(read("users.acl"));
    seen.push(await ask(client, "acl setuser e off +set", "acl load", "acl getuser e"));
    await load("user a on");
    seen.push(await ask(client, "acl setuser default >foo", "acl load", "acl whoami"));
    seen.push(await ask(await connect(), "ping", "auth foo"));
    return seen;
  },
);

same(
  "CONFIG REWRITE writes users into the configuration file",
  () => ({ conf: "user b on nopass +@all\nport 1\nuser a on >x +get\n# end\n" }),
  async ({ client, read }) => {
    const users = () =>
      read("redis.conf")
        .split("\n")
        .filter((line) => /^user|^# end/.test(line));
    const seen: unknown[] = [await ask(client, "config rewrite"), users()];
    seen.push(await ask(client, "acl deluser a", "acl setuser c (~x) +get", "config rewrite"));
    seen.push(users(), await ask(client, "acl setuser default >pw", "config rewrite"), users());
    return seen;
  },
);

same(
  "CONFIG REWRITE leaves users to the ACL file",
  (directory) => ({ conf: `aclfile ${directory}/users.acl\nrequirepass x\n`, acl: RUNNING }),
  async ({ client, read }) => {
    const seen: unknown[] = [await ask(client, "acl setuser z", "config rewrite")];
    const lines = read("redis.conf").split("\n");
    return [...seen, lines.filter((line) => /^(user|aclfile|requirepass)/.test(line))];
  },
);
