import { describe, expect, test } from "bun:test";
import { LatencyHistogram } from "../../../src/command/histogram.ts";
import { humanBytes } from "../../../src/commands/info-memory.ts";
import { bulk, ServerFixture, START_MS } from "./server-fixture.ts";

/** The fields of an INFO reply, section titles included as "# Title". */
function fieldsOf(reply: string): Map<string, string> {
  const lines = reply.split("\r\n").slice(1);
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}

function titlesOf(reply: string): string[] {
  return reply.split("\r\n").filter((line) => line.startsWith("# "));
}

const DEFAULT_TITLES = [
  "# Server",
  "# Clients",
  "# Memory",
  "# Persistence",
  "# Threads",
  "# Stats",
  "# Replication",
  "# CPU",
  "# Modules",
  "# Errorstats",
  "# Cluster",
  "# Keyspace",
  "# Keysizes",
];

describe("INFO sections", () => {
  test("without arguments the default ones are shown, in Redis's order", () => {
    const fixture = new ServerFixture();
    expect(titlesOf(fixture.run("info"))).toEqual(DEFAULT_TITLES);
    expect(titlesOf(fixture.run("info", "default"))).toEqual(DEFAULT_TITLES);
  });

  test("all and everything add those about commands", () => {
    const fixture = new ServerFixture();
    for (const name of ["all", "EVERYTHING"]) {
      const titles = titlesOf(fixture.run("info", name));
      expect(titles).toContain("# Commandstats");
      expect(titles).toContain("# Latencystats");
      expect(titles.length).toBe(DEFAULT_TITLES.length + 2);
    }
  });

  test("several sections come in the fixed order, unknown ones not at all", () => {
    const fixture = new ServerFixture();
    const titles = titlesOf(fixture.run("info", "keyspace", "nosuch", "CPU", "debug"));
    expect(titles).toEqual(["# CPU", "# Keyspace", "# Debug"]);
    expect(fixture.run("info", "nosuch")).toBe("$0\r\n\r\n");
  });

  test("sections are parted by an empty line", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("info", "cluster", "modules")).toBe(
      bulk("# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n"),
    );
  });

  test("in RESP3 the reply is verbatim text", () => {
    const fixture = new ServerFixture();
    fixture.run("hello", "3");
    expect(fixture.run("info", "cluster")).toBe(
      "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n",
    );
  });
});

describe("INFO fields", () => {
  test("the server tells who and how old it is", () => {
    const fixture = new ServerFixture();
    fixture.clock.advance(90_061_000);
    const fields = fieldsOf(fixture.run("info", "server"));
    expect(fields.get("miniredis_version")).toBe("1.0.0");
    expect(fields.get("redis_version")).toBe("7.4.0");
    expect(fields.get("uptime_in_seconds")).toBe("90061");
    expect(fields.get("uptime_in_days")).toBe("1");
    expect(fields.get("process_id")).toBe("4711");
    expect(fields.get("listener0")).toBe("name=tcp,bind=*,bind=-::*,port=6379");
    expect(fields.get("listener1")).toBe("name=unix,bind=/run/socket");
  });

  test("clients are counted by what they do", () => {
    const fixture = new ServerFixture();
    fixture.second.channelCount = 1;
    fixture.second.watchedKeys = 3;
    fixture.transactions.watches.keyCount = 3;
    fixture.first.blocked = true;
    fixture.channelOf(fixture.first).queryCapacity = 77;
    const replica = fixture.connect("127.0.0.1:50003");
    replica.kind = "replica";
    const fields = fieldsOf(fixture.run("info", "clients", "replication"));
    expect(fields.get("connected_clients")).toBe("2");
    expect(fields.get("connected_slaves")).toBe("1");
    expect(fields.get("blocked_clients")).toBe("1");
    expect(fields.get("pubsub_clients")).toBe("1");
    expect(fields.get("watching_clients")).toBe("1");
    expect(fields.get("total_watched_keys")).toBe("3");
    expect(fields.get("client_recent_max_input_buffer")).toBe("77");
  });

  test("memory is what the server measured", () => {
    const fixture = new ServerFixture();
    const fields = fieldsOf(fixture.run("info", "memory"));
    expect(fields.get("used_memory")).toBe("4096");
    expect(fields.get("used_memory_human")).toBe("4.00K");
    expect(fields.get("used_memory_peak_perc")).toBe("100.00%");
    expect(fields.get("used_memory_overhead")).toBe("3072");
    expect(fields.get("used_memory_dataset_perc")).toBe("50.00%");
    expect(fields.get("allocator_frag_ratio")).toBe("2.00");
    expect(fields.get("mem_allocator")).not.toContain("jemalloc");
    expect(Number(fields.get("used_memory_rss"))).toBeGreaterThan(1 << 20);
  });

  test("the peak remains when memory falls", () => {
    const fixture = new ServerFixture();
    fixture.run("info", "memory");
    fixture.memory = { ...fixture.memory, usedBytes: 3072 };
    const fields = fieldsOf(fixture.run("info", "memory"));
    expect(fields.get("used_memory_peak")).toBe("4096");
    expect(fields.get("used_memory_peak_perc")).toBe("75.00%");
  });

  test("bytes for people keep two decimals", () => {
    expect(humanBytes(0)).toBe("0B");
    expect(humanBytes(1023)).toBe("1023B");
    expect(humanBytes(1536)).toBe("1.50K");
    expect(humanBytes(25_276_510_208)).toBe("23.54G");
  });

  test("persistence shows the AOF only where there is one", () => {
    const fixture = new ServerFixture();
    let fields = fieldsOf(fixture.run("info", "persistence"));
    expect(fields.get("rdb_last_save_time")).toBe(String(START_MS / 1000));
    expect(fields.get("rdb_last_bgsave_time_sec")).toBe("-1");
    expect(fields.get("aof_enabled")).toBe("0");
    expect(fields.has("aof_current_size")).toBe(false);
    fixture.persistence.aofEnabled = true;
    fixture.persistence.aofCurrentSize = 123;
    fixture.persistence.aofLastWriteOk = false;
    fields = fieldsOf(fixture.run("info", "persistence"));
    expect(fields.get("aof_current_size")).toBe("123");
    expect(fields.get("aof_last_write_status")).toBe("err");
  });

  test("a server that loads tells how far it is", () => {
    const fixture = new ServerFixture();
    fixture.persistence.loading = true;
    fixture.persistence.loadingStartMs = START_MS;
    fixture.persistence.loadingTotalBytes = 400;
    fixture.persistence.loadingLoadedBytes = 100;
    fixture.clock.advance(2000);
    const fields = fieldsOf(fixture.run("info", "persistence"));
    expect(fields.get("loading")).toBe("1");
    expect(fields.get("loading_loaded_perc")).toBe("25.00");
    expect(fields.get("loading_eta_seconds")).toBe("6");
  });

  test("counters are shown as they stand", () => {
    const fixture = new ServerFixture();
    fixture.statistics.commandsProcessed = 12;
    fixture.statistics.netInputBytes = 345;
    fixture.keyspace.hits = 6;
    fixture.keyspace.expired = 7;
    for (let k = 1; k <= 16; k++) {
      fixture.statistics.netInputBytes = k * 2048;
      fixture.statistics.sample(k * 1e6, START_MS, 0);
    }
    const fields = fieldsOf(fixture.run("info", "stats"));
    expect(fields.get("total_commands_processed")).toBe("12");
    expect(fields.get("keyspace_hits")).toBe("6");
    expect(fields.get("expired_keys")).toBe("7");
    expect(fields.get("instantaneous_input_kbps")).toBe("2.00");
  });

  test("commands and subcommands are listed once they were called or refused", () => {
    const fixture = new ServerFixture();
    const ping = fixture.point(fixture.first, "ping");
    ping.calls = 3;
    ping.microseconds = 10;
    ping.histogram = new LatencyHistogram();
    ping.histogram.record(3, 3);
    const list = fixture.point(fixture.first, "client", "list");
    list.rejectedCalls = 2;
    const fields = fieldsOf(fixture.run("info", "commandstats", "latencystats"));
    expect([...fields].filter(([name]) => name.startsWith("cmdstat"))).toEqual([
      ["cmdstat_ping", "calls=3,usec=10,usec_per_call=3.33,rejected_calls=0,failed_calls=0"],
      ["cmdstat_client|list", "calls=0,usec=0,usec_per_call=0.00,rejected_calls=2,failed_calls=0"],
    ]);
    expect(fields.get("latency_percentiles_usec_ping")).toBe("p50=3.007,p99=3.007,p99.9=3.007");
  });

  test("errors are listed by code in order", () => {
    const fixture = new ServerFixture();
    fixture.statistics.errors.set("WRONGTYPE", 1);
    fixture.statistics.errors.set("ERR", 2);
    expect(fixture.run("info", "errorstats")).toEndWith(
      "errorstat_ERR:count=2\r\nerrorstat_WRONGTYPE:count=1\r\n\r\n",
    );
  });

  test("databases that hold keys are listed with the mean time to live", () => {
    const fixture = new ServerFixture();
    fixture.set(0, "a", "1");
    fixture.set(5, "a", "1", START_MS + 1000);
    fixture.set(5, "b", "1", START_MS + 3000);
    fixture.set(5, "c", "1");
    expect(fixture.run("info", "keyspace")).toEndWith(
      "db0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n" +
        "db5:keys=3,expires=2,avg_ttl=2000,subexpiry=0\r\n\r\n",
    );
  });
});
