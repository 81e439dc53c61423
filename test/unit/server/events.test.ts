// How long events take, as INFO tells it, on a clock that moves with each reading.

import { expect, test } from "bun:test";
import { ServerFixture } from "./server-fixture.ts";

const READING_US = 10;
const EVENTS = 64;

test("an event's time includes what is behind its commands, though few are timed so far", () => {
  const { clock, server, peer } = connected();
  const { statistics } = server;
  clock.tickUs = READING_US;
  const started = clock.monotonicUs();
  for (let k = 0; k < EVENTS; k++) expect(peer.run("ping")).toBe("+PONG\r\n");
  const readings = Math.round((clock.monotonicUs() - started) / READING_US) - 1;
  expect(statistics.eventLoopCycles).toBe(EVENTS);
  // From its begin to the end of the command, and from there to its own end.
  expect(statistics.eventLoopDurationUs).toBeCloseTo(EVENTS * 2 * READING_US, 3);
  expect(statistics.eventLoopCommandUs).toBeCloseTo(EVENTS * READING_US, 3);
  expect(statistics.eventLoopDurationMaxUs).toBeCloseTo(2 * READING_US, 3);
  expect(readings).toBe(EVENTS * 2 + EVENTS / 16);
});

test("an event without a command is timed by itself", () => {
  const { clock, server, peer } = connected();
  clock.tickUs = READING_US;
  for (let k = 0; k < 3; k++) peer.send("*");
  expect(server.statistics.eventLoopDurationUs).toBeCloseTo(3 * READING_US, 3);
  server.events.run(() => clock.advance(1));
  expect(server.statistics.eventLoopDurationMaxUs).toBeCloseTo(1000 + READING_US, 3);
});

function connected() {
  const fixture = new ServerFixture("port 0");
  const peer = fixture.connect();
  peer.run("ping");
  fixture.server.statistics.reset(0, 0);
  return { clock: fixture.clock, server: fixture.server, peer };
}
