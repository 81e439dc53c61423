import { describe, expect, test } from "bun:test";
import {
  BY_CLIENT,
  DURING_SHUTDOWN,
  PAUSE_ALL,
  PAUSE_NONE,
  PAUSE_WRITE,
  Pauses,
} from "../../../src/command/pauses.ts";
import { MAY_REPLICATE, READONLY, WRITE } from "../../../src/command/spec.ts";

describe("Pauses", () => {
  test("a pause of writes holds commands that write or may replicate", () => {
    const pauses = new Pauses();
    pauses.pause(BY_CLIENT, PAUSE_WRITE, 1000);
    expect(pauses.appliesTo(WRITE, 500)).toBe(true);
    expect(pauses.appliesTo(MAY_REPLICATE, 500)).toBe(true);
    expect(pauses.appliesTo(READONLY, 500)).toBe(false);
    expect(pauses.keyspaceFrozen).toBe(true);
  });

  test("a pause of everything holds every command", () => {
    const pauses = new Pauses();
    pauses.pause(BY_CLIENT, PAUSE_ALL, 1000);
    expect(pauses.appliesTo(READONLY, 500)).toBe(true);
    expect(pauses.appliesTo(0, 500)).toBe(true);
  });

  test("a pause ends by itself and says so", () => {
    const pauses = new Pauses();
    let released = 0;
    pauses.onRelease = () => released++;
    pauses.pause(BY_CLIENT, PAUSE_ALL, 1000);
    expect(pauses.appliesTo(WRITE, 999)).toBe(true);
    expect(pauses.appliesTo(WRITE, 1000)).toBe(false);
    expect(pauses.level).toBe(PAUSE_NONE);
    expect(pauses.untilMs).toBe(Number.POSITIVE_INFINITY);
    expect(released).toBe(1);
  });

  test("a shorter pause does not shorten, a weaker one does not weaken", () => {
    const pauses = new Pauses();
    pauses.pause(BY_CLIENT, PAUSE_ALL, 1000);
    pauses.pause(BY_CLIENT, PAUSE_WRITE, 500);
    expect(pauses.level).toBe(PAUSE_ALL);
    expect(pauses.untilMs).toBe(1000);
    pauses.pause(BY_CLIENT, PAUSE_WRITE, 2000);
    expect(pauses.appliesTo(READONLY, 1500)).toBe(true);
  });

  test("purposes do not end each other's pauses", () => {
    const pauses = new Pauses();
    let released = 0;
    pauses.onRelease = () => released++;
    pauses.pause(DURING_SHUTDOWN, PAUSE_WRITE, 3000);
    pauses.pause(BY_CLIENT, PAUSE_ALL, 5000);
    pauses.release(BY_CLIENT);
    expect(pauses.level).toBe(PAUSE_WRITE);
    expect(pauses.untilMs).toBe(3000);
    expect(released).toBe(1);
    pauses.release(BY_CLIENT);
    expect(released).toBe(1);
    pauses.expire(3000);
    expect(released).toBe(2);
  });

  test("the beginning of a pause is told", () => {
    const pauses = new Pauses();
    let told = 0;
    pauses.onPause = () => told++;
    pauses.pause(BY_CLIENT, PAUSE_WRITE, 1);
    expect(told).toBe(1);
  });
});
