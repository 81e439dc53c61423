import { expect, test } from "bun:test";
import { isZoneUtc, timestamp } from "../../../src/server/log-file.ts";

const AT = Date.UTC(2026, 10, 9, 23, 5, 7, 8);

test("a line's time is that of the zone", () => {
  expect(timestamp(AT, 0)).toBe("09 Nov 2026 23:05:07.008");
  expect(timestamp(AT, -120)).toBe("10 Nov 2026 01:05:07.008");
  expect(timestamp(AT, 330)).toBe("09 Nov 2026 17:35:07.008");
  expect(timestamp(Date.UTC(2026, 11, 31, 23, 59, 59, 999), -1)).toBe("01 Jan 2027 00:00:59.999");
});

test("the zone is UTC only where that is said", () => {
  for (const link of ["/usr/share/zoneinfo/Etc/UTC", "../usr/share/zoneinfo/UTC", "UTC"]) {
    expect(isZoneUtc(undefined, link)).toBe(true);
    expect(isZoneUtc("", link)).toBe(true);
    expect(isZoneUtc("Europe/Berlin", link)).toBe(false);
  }
  expect(isZoneUtc("UTC", "/usr/share/zoneinfo/Asia/Tokyo")).toBe(true);
  expect(isZoneUtc(undefined, "/usr/share/zoneinfo/Asia/Tokyo")).toBe(false);
  expect(isZoneUtc(undefined, undefined)).toBe(false);
});
