// Server commands against Redis 8.0: CONFIG, DEBUG, SLOWLOG, LATENCY, MEMORY, MONITOR, INFO.

import { encodeCommand, type RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { arities, caseVariants, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";
import { INFO_FIELDS_ASIDE, PROCESS_PARAMETERS, VALKEY_PARAMETERS } from "../harness/normalise.ts";
import { plainValue } from "../harness/reply.ts";

const CONTAINERS = ["config", "debug", "slowlog", "latency", "memory", "command"];

/** Values of every kind a parameter may take, or may not. */
const VALUES = ["", "junk", "-1", "0", "1", "yes", "NO", "100", "1.5", "1gb", "1KB", "50%", "2mbx"];
VALUES.push("9223372036854775807", "9223372036854775808", "noeviction", "a b", " ", "0x10");

/** Parameters that reach outside the process or would cut the battery's own connection. */
const NOT_SET = new Set([
  ...["port", "tls-port", "bind", "bind-source-addr", "dir", "dbfilename", "appendonly"],
  ...["oom-score-adj", "oom-score-adj-values", "watchdog-period", "maxclients", "unixsocket"],
  ...["activedefrag", "timeout", "cluster-port", "replicaof", "slaveof"],
  // Redis refuses these for want of certificates.
  ...["tls-cluster", "tls-replication"],
]);

differential("config", "redis8", ({ compare, probe }) => {
  probe("CONFIG GET * lists Redis's parameters", async (client) => parameters(client, "*"));

  probe("every parameter has Redis's default", async (client, { known }) => {
    const values: string[] = [];
    for (const name of known.parameters.keys()) {
      if (PROCESS_PARAMETERS.includes(name)) continue;
      values.push(JSON.stringify(plainValue(await client.ask("config", "get", name))));
    }
    return values;
  });

  probe("CONFIG GET matches patterns", async (client) => {
    const results: unknown[] = [];
    for (const pattern of [
      "maxmemory*",
      "*-LIST-*",
      "SAVE",
      "s?ve",
      "[ab]ind",
      "nosuch",
      "",
      "*",
    ]) {
      results.push(await parameters(client, pattern));
    }
    results.push(await parameters(client, "maxmemory", "save", "max*", "nosuch"));
    return results;
  });

  compare("CONFIG checks its arity and subcommands", function* () {
    for (const name of ["get", "set", "resetstat", "rewrite", "help", "nosuch", ""]) {
      if (name === "") yield ["config", name];
      else for (const command of arities(name, 3)) yield ["config", ...command];
    }
  });

  compare("CONFIG SET takes for every parameter what Redis takes", function* (known) {
    for (const [name, value] of known.parameters) {
      if (NOT_SET.has(name)) continue;
      for (const candidate of VALUES) {
        yield ["config", "set", name, candidate];
        yield ["config", "get", name];
      }
      yield ["config", "set", name, value];
      yield ["config", "get", name.toUpperCase()];
    }
  });

  compare("CONFIG SET takes words, lists and sizes as Redis does", function* (known) {
    const cases: [string, string[]][] = [
      ["save", ["", "1 1", "900 1 300 10", "1", "a b", "0 1", "1 0", "-1 -1", "3600 1 3600 1"]],
      ["maxmemory-policy", ["allkeys-lru", "ALLKEYS-LFU", "volatile-ttl", "noeviction"]],
      ["loglevel", ["debug", "verbose", "NOTICE", "warning", "nothing"]],
      ["notify-keyspace-events", ["KEA", "AKE", "Kg$lshzxetdmn", "Ex", "q", ""]],
      ["maxmemory", ["1b", "1k", "1kb", "1m", "1mb", "1G", "1 mb", "-1mb", "1tb", "0"]],
      ["appendfsync", ["always", "everysec", "NO", "maybe"]],
      ["shutdown-on-sigterm", ["nosave", "save now", "nosave force now", "save nosave", ""]],
      ["latency-tracking-info-percentiles", ["", "50", "50 99 100", "101", "a", "-1", "99.9"]],
      ["client-output-buffer-limit", ["normal 0 0 0", "pubsub 1mb 1mb 1", "junk 0 0 0", "normal"]],
      ["maxmemory-clients", ["0", "1m", "50%", "101%", "-5%", "100%"]],
      ["proc-title-template", ["{title}", "{nosuch}", ""]],
      ["slowlog-max-len", ["0", "128", "-1", "2147483648"]],
    ];
    for (const [name, candidates] of cases) {
      const original = known.parameters.get(name);
      if (original === undefined) continue;
      for (const candidate of candidates) {
        yield ["config", "set", name, candidate];
        yield ["config", "get", name];
      }
      yield ["config", "set", name, original];
    }
  });

  compare("CONFIG SET of several parameters is all or nothing", function* () {
    const pairs = [
      ["maxmemory-samples", "7"],
      ["maxmemory-samples", "x"],
      ["hz", "20"],
    ];
    pairs.push(["nosuch", "1"], ["databases", "3"], ["hz", "x"], ["maxmemory-samples", "9"]);
    for (const first of pairs) {
      for (const second of pairs) {
        yield ["config", "set", ...first, ...second];
        yield ["config", "set", ...first, ...second, "lonely"];
        yield ["config", "get", "maxmemory-samples"];
        yield ["config", "get", "hz"];
        yield ["config", "set", "maxmemory-samples", "5", "hz", "10"];
      }
    }
  });

  compare("CONFIG RESETSTAT and REWRITE without a file", function* () {
    yield ["config", "resetstat"];
    yield ["config", "rewrite"];
  });
});

/** The names of the parameters that match, sorted. */
async function parameters(client: RawClient, ...patterns: string[]): Promise<string[]> {
  const flat = plainValue(await client.ask("config", "get", ...patterns));
  if (!Array.isArray(flat)) return [String(flat)];
  return flat
    .filter((_, k) => k % 2 === 0)
    .map(String)
    .filter((name) => !VALKEY_PARAMETERS.includes(name))
    .sort();
}

differential(
  "server",
  "redis8",
  ({ compare, probe }) => {
    compare("containers refuse unknown subcommands and wrong arities", function* (known) {
      for (const container of CONTAINERS) {
        if (container !== "command") yield [container];
        yield [container, "nosuch"];
        yield [container, "help"];
        yield [container, "HELP", "x"];
      }
      for (const name of ["slowlog|get", "slowlog|len", "slowlog|reset", "latency|latest"]) {
        for (const args of arities("x", 3)) if (known(name)) yield [...split(name), ...args];
      }
      for (const name of ["latency|history", "latency|graph", "latency|doctor", "memory|usage"]) {
        for (const args of arities("x", 3)) {
          if (known(name)) yield [...split(name), ...args];
        }
      }
    });

    compare("SLOWLOG GET takes only counts in range", function* () {
      // On a busy machine any command may be slow.
      yield ["config", "set", "slowlog-log-slower-than", -1];
      yield ["slowlog", "reset"];
      for (const value of HOSTILE_INTEGERS) yield ["slowlog", "get", value];
      yield ["slowlog", "len"];
      yield ["config", "set", "slowlog-log-slower-than", 10_000];
    });

    probe("SLOWLOG keeps arguments cut to size", async (client) => {
      await client.run("client", "setname", "me");
      await client.run("config", "set", "slowlog-log-slower-than", "0");
      await client.run("slowlog", "reset");
      await client.ask("set", "k", "x".repeat(300));
      await client.ask("mget", ...Array.from({ length: 50 }, (_, k) => `key${k}`));
      for (const value of HOSTILE_STRINGS.slice(0, 20)) await client.ask("get", value);
      await client.ask("nosuch", "command");
      await client.ask("config", "set", "requirepass", "");
      await client.ask("auth", "password");
      await client.run("config", "set", "slowlog-log-slower-than", "10000");
      const entries = await client.run("slowlog", "get", "-1");
      await client.run("slowlog", "reset");
      const comparable = (entry: unknown) =>
        Array.isArray(entry) ? [entry.length, typeof entry[0], entry[3], entry[5]] : entry;
      return Array.isArray(entries) ? entries.map(comparable) : entries;
    });

    compare("LATENCY knows no event before there was one", function* () {
      yield ["latency", "reset"];
      yield ["latency", "latest"];
      for (const event of ["command", "nosuch", ""]) {
        yield ["latency", "history", event];
        yield ["latency", "graph", event];
        yield ["latency", "reset", event];
      }
      yield ["latency", "reset", "a", "b"];
    });

    probe("LATENCY HISTOGRAM names the commands called", async (client) => {
      await client.run("config", "resetstat");
      await client.run("set", "k", "v");
      await client.ask("get", "k");
      await client.ask("config", "get", "port");
      const shapes: unknown[] = [];
      for (const names of [["set"], ["get", "set", "nosuch"], ["config"], ["config|get"], []]) {
        const reply = plainValue(await client.ask("latency", "histogram", ...names));
        shapes.push(Array.isArray(reply) ? reply.map(histogramShape).sort() : String(reply));
      }
      return shapes;
    });

    compare("MEMORY USAGE and its siblings", function* () {
      yield ["set", "k", "v"];
      yield ["memory", "usage", "k"];
      yield ["memory", "usage", "absent"];
      for (const value of HOSTILE_INTEGERS) yield ["memory", "usage", "k", "samples", value];
      yield ["memory", "usage", "k", "samples"];
      yield ["memory", "usage", "k", "junk", "5"];
      yield ["memory", "purge"];
      yield ["memory", "doctor", "x"];
    });

    probe("MEMORY STATS has Redis's fields", async (client) => {
      const stats = plainValue(await client.ask("memory", "stats"));
      return Array.isArray(stats) ? stats.filter((_, k) => k % 2 === 0) : String(stats);
    });

    probe("MONITOR shows commands as they are executed", async (client, side) => {
      const monitor = await side.connect();
      await monitor.run("monitor");
      client.send("set k v\r\nselect 3\r\nget k\r\nnosuch\r\nget\r\nconfig get port\r\n");
      for (let k = 0; k < 6; k++) await client.next();
      for (const value of HOSTILE_STRINGS.slice(0, 26)) await client.run("echo", value);
      await client.ask("auth", "password");
      await client.ask("hello", "2", "auth", "default", "password");
      await client.ask("ping", "end");
      const lines: string[] = [];
      while (!lines.at(-1)?.includes('"end"') && lines.length < 50) {
        const line = String(plainValue(await monitor.next()));
        lines.push(line.replace(/^[\d.]+ \[(\d+) [^\]]*\]/, "TIME [$1 ADDRESS]"));
      }
      return lines;
    });

    probe("a client that monitors counts among the replicas", async (client, side) => {
      const monitor = await side.connect();
      await monitor.run("monitor");
      const asked: Command[] = [
        ...[
          ["get", "k"],
          ["set", "k", "v"],
          ["publish", "c", "m"],
          ["eval", "return 1", "0"],
        ],
        ...[["multi"], ["get", "k"], ["exec"], ["multi"], ["ping"], ["exec"], ["echo", "x"]],
        ...[["select", "1"], ["dbsize"], ["keys", "*"], ["client", "getname"], ["info", "junk"]],
      ];
      const replies: string[] = [];
      const ask = async (command: Command) => {
        monitor.send(encodeCommand(command));
        let reply = await monitor.next();
        while (/^[\d.]+ \[/.test(reply.text)) reply = await monitor.next();
        replies.push(reply.raw);
      };
      for (const command of asked) await ask(command);
      await client.run("client", "pause", "100000");
      await ask(["ping"]);
      await ask(["client", "unpause"]);
      await ask(["reset"]);
      await ask(["get", "k"]);
      return replies;
    });

    compare("ROLE, TIME, LASTSAVE and the rest of the small ones", function* (known) {
      const small = ["role", "time", "lastsave", "dbsize", "readonly", "readwrite", "asking"];
      for (const name of small.filter(known)) yield* arities(name, 2);
      for (const name of ["shutdown", "swapdb", "failover"].filter(known)) {
        yield [name, "junk"];
        yield [name, "junk", "junk", "junk"];
      }
      if (known("shutdown")) yield ["shutdown", "abort"];
      if (known("shutdown")) yield ["shutdown", "save", "nosave"];
      if (known("shutdown")) yield ["shutdown", "abort", "now"];
    });
  },
  { args: ["--enable-debug-command", "yes"] },
);

function split(name: string): string[] {
  return name.split("|");
}

/** A histogram without its counts: names and the shape of the details. */
function histogramShape(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return value.map((item) => (typeof item === "string" ? item : typeof item)).join(",");
}

/** Sections of INFO that a fresh server shows, and the names of their fields. */
async function infoFields(client: RawClient, ...sections: string[]): Promise<string[]> {
  const text = String(await client.run("info", ...sections));
  const lines = text.split("\r\n").filter((line) => line !== "");
  const names = lines.map((line) => (line.startsWith("#") ? line : line.split(":")[0]));
  const compared = names.filter((name) => !INFO_FIELDS_ASIDE.includes(name));
  // Per-command fields come in the order of a hash table whose seed is secret.
  const hashed = compared.filter((name) => /^(cmdstat|latency_percentiles)_/.test(name)).sort();
  return compared.map((name) =>
    /^(cmdstat|latency_perc)/.test(name) ? (hashed.shift() ?? "") : name,
  );
}

const SECTIONS = ["server", "clients", "memory", "persistence", "threads", "stats", "replication"];
SECTIONS.push("cpu", "modules", "errorstats", "cluster", "keyspace", "keysizes", "commandstats");
SECTIONS.push("latencystats", "sentinel", "nosuch", "", "SERVER", "debug");

differential("info", "redis8", ({ probe }) => {
  for (const section of SECTIONS) {
    probe(`INFO ${section} has Redis's fields in Redis's order`, async (client) => {
      await client.run("config", "resetstat");
      await client.run("set", "k", "v", "ex", "1000");
      await client.ask("get");
      return infoFields(client, section);
    });
  }

  for (const sections of [[], ["default"], ["all"], ["everything"], ["cpu", "server"]]) {
    probe(`INFO ${sections.join(" ")} shows Redis's sections in Redis's order`, async (client) => {
      await client.run("set", "k", "v");
      return (await infoFields(client, ...sections)).filter((name) => name.startsWith("#"));
    });
  }

  probe("INFO counts what happened", async (client) => {
    await client.run("config", "resetstat");
    await client.run("set", "k", "v");
    await client.run("set", "e", "v", "exat", "33177117420");
    await client.run("get", "k");
    await client.run("get", "absent");
    await client.ask("get");
    await client.ask("nosuch");
    await client.ask("incr", "k");
    await client.run("select", "9");
    await client.run("set", "k", "v");
    const text = String(await client.run("info", "everything"));
    const counted =
      /^(keyspace_|total_error_replies|errorstat_|db\d|cmdstat_|rdb_changes|expired_k)/;
    const lines = text.split("\r\n").filter((line) => counted.test(line));
    return lines
      .map((line) => line.replace(/usec(_per_call)?=[\d.]+/g, "usec$1").replace(/avg_ttl=\d+/, ""))
      .sort();
  });
});

const DEBUG_PROTOCOL = ["string", "integer", "double", "null", "array", "set", "map", "attrib"];
DEBUG_PROTOCOL.push("push", "verbatim", "true", "false", "bignum", "junk");

/** What is answered alike without a cluster and without replicas. */
const DEBUG_LINES = [
  ...["client-eviction", "client-eviction x", "structsize x", "replicate", "replicate x"],
  ...["replicate set a b", "clusterlink", "clusterlink kill", "clusterlink kill to x"],
  ...["clusterlink nosuch to x", "CLUSTERLINK KILL all x", "clusterlink kill to x y"],
  ...["drop-cluster-packet-filter", "drop-cluster-packet-filter -1", "internal_secret"],
  ...["drop-cluster-packet-filter x", "drop-cluster-packet-filter 99999999999"],
  ...["drop-cluster-packet-filter 1 2", "internal_secret x", "repl-pause", "repl-pause nosuch"],
  ...["repl-pause after-fork", "repl-pause CLEAR", "repl-pause clear x", "mark-internal-client x"],
  ...["repl-pause before-rdb-channel", "repl-pause on-streaming-repl-buf", "repl-pause clear"],
  ...["mark-internal-client unmark x", "set-disable-deny-scripts", "dict-resizing 1 2"],
  ...["set-disable-deny-scripts 0 1", "dict-resizing 1", "dict-resizing x", "mallctl", "jmap x"],
];

function* debugCommands(): Generator<Command> {
  yield ["set", "k", "v"];
  for (const type of DEBUG_PROTOCOL) {
    // A push is out of band: it is no reply to wait for.
    if (type !== "push" && type !== "attrib") yield ["debug", "protocol", type];
  }
  for (const name of [
    "object",
    "sleep",
    "populate",
    "set-active-expire",
    "error",
    "digest-value",
  ]) {
    yield ["debug", name];
    yield ["debug", name, "x", "x", "x", "x", "x"];
  }
  yield ["debug", "object", "absent"];
  for (const name of ["leak", "aof-flush-sleep", "script"]) {
    yield ["debug", name];
    yield ["debug", name, "x", "y"];
    yield ["debug", name, "0"];
  }
  yield ["eval", "return 1", "0"];
  yield ["debug", "script", "LIST"];
  yield ["debug", "script", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"];
  yield ["debug", "sleep", "0"];
  yield ["debug", "error", "MYERR with text"];
  yield ["debug", "set-active-expire", "0"];
  yield ["debug", "set-active-expire", "1"];
  yield ["debug", "stringmatch-len", "20000", "*"];
  for (const value of HOSTILE_INTEGERS.filter((text) => !/^[1-9]\d{2,}$/.test(text))) {
    yield ["flushall"];
    yield ["debug", "populate", value];
    yield ["dbsize"];
  }
  yield ["flushall"];
  yield ["debug", "populate", "3", "prefix", "20"];
  yield ["mget", "prefix:0", "prefix:1", "prefix:2"];
  yield ["debug", "populate", "5"];
  yield ["mget", "key:0", "key:4", "key:5"];
  yield ["dbsize"];
  yield ["debug", "change-repl-id"];
  yield ["debug", "jmap"];
  for (const line of DEBUG_LINES) yield ["debug", ...line.split(" ")];
  for (const variant of caseVariants("object")) yield ["debug", variant, "absent"];
}

const DEBUG_ARGS = ["--enable-debug-command", "yes"];

differential(
  "debug",
  "redis8",
  ({ compare, probe }) => {
    compare("DEBUG", debugCommands);

    probe("an internal client is shown as such", async (client) => {
      const seen: unknown[] = [];
      const lines = ["client no-touch on", "debug mark-internal-client", "reset"];
      lines.push("debug mark-internal-client UNMARK");
      for (const line of lines) {
        const reply = await client.ask(...line.split(" "));
        const info = await client.ask("client", "info");
        seen.push(reply.raw, /flags=\w+/.exec(info.text)?.[0]);
      }
      return seen;
    });

    probe("CLIENT-EVICTION sorts clients by their size", async (client) => {
      await client.ask("config", "set", "maxmemory-clients", "1gb");
      const reply = await client.ask("debug", "client-eviction");
      await client.ask("config", "set", "maxmemory-clients", "0");
      const lines = reply.text.split("\n");
      const total = lines.reduce(
        (sum, line) => sum + Number(/clients: (\d+)/.exec(line)?.[1] ?? 0),
        0,
      );
      return [reply.kind, total, lines.map((line) => line.replace(/tot-mem:.*/, ""))];
    });

    compare("scripts may call what is denied to them once DEBUG lets them", function* () {
      const call = (words: string) => {
        const args = words.split(" ").map((word) => `'${word}'`);
        return ["eval", `return redis.call(${args.join(",")})`, "0"];
      };
      for (const allowed of ["0", "1", "x"]) {
        yield ["debug", "set-disable-deny-scripts", allowed];
        for (const line of DENIED_IN_SCRIPTS) yield call(line);
      }
    });
  },
  { args: DEBUG_ARGS },
);

const DENIED_IN_SCRIPTS = [
  ...["acl whoami", "config get maxmemory", "config nosuch", "acl users", "slowlog reset"],
  ...["lastsave", "wait 0 0", "command count x"],
];

differential("debug refused", "redis8", ({ compare }) => {
  compare("DEBUG is refused unless it is enabled", function* () {
    yield ["debug", "sleep", "0"];
    yield ["debug", "nosuch"];
    yield ["debug"];
    yield ["config", "set", "enable-debug-command", "yes"];
  });
});
