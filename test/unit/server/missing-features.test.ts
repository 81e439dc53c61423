import { expect, test } from "bun:test";
import { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/file.ts";
import { warnOfMissingFeatures } from "../../../src/server/missing-features.ts";
import { ServerFixture } from "./server-fixture.ts";

function warnings(text: string): string[] {
  const config = new Config();
  loadConfig(config, text);
  const logged: string[] = [];
  warnOfMissingFeatures(config, { log: (_, message) => logged.push(message) });
  return logged;
}

test("the start names directives that wait for something, and no others", () => {
  expect(warnings("")).toEqual([]);
  expect(warnings("replica-priority 100\nmin-replicas-to-write 1\nappendonly yes")).toEqual([]);
  const given = "replicaof localhost 7000\nmasterauth x\ntls-ciphers x\ncluster-announce-ip ::1";
  expect(warnings(given)).toEqual([
    "WARNING: there is no TLS here yet; without effect: tls-ciphers",
    "WARNING: there is no replication here yet; without effect: replicaof, masterauth",
    "WARNING: there is no cluster here yet; without effect: cluster-announce-ip",
  ]);
});

test("CONFIG SET refuses a port for TLS, and takes none", () => {
  const peer = new ServerFixture().connect();
  expect(peer.run("config set tls-port 7001")).toBe(
    "-ERR CONFIG SET failed (possibly related to argument 'tls-port') - " +
      "Unable to update TLS configuration. Check server logs.\r\n",
  );
  expect(peer.run("config set tls-port 0", "config get tls-port")).toEndWith("$1\r\n0\r\n");
});
