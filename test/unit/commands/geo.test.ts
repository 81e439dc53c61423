// The expected replies and effects are Redis 8.0's.

import { expect, test } from "bun:test";
import { geoCommands } from "../../../src/commands/geo.ts";
import { geoSearchCommands } from "../../../src/commands/geo-search.ts";
import { sixDecimals } from "../../../src/commands/geo-search-options.ts";
import { sortedSetCommands } from "../../../src/commands/sorted-sets.ts";
import { bulk, bulks, GenericFixture, integer } from "./generic-fixture.ts";

function sicily(): GenericFixture {
  const fixture = new GenericFixture([geoCommands, geoSearchCommands, sortedSetCommands]);
  const catania = ["15.087269", "37.502669", "Catania"];
  fixture.run("GEOADD", "Sicily", "13.361389", "38.115556", "Palermo", ...catania);
  fixture.propagated();
  return fixture;
}

test("GEOADD is propagated as the ZADD that it comes down to, options included", () => {
  const fixture = new GenericFixture([geoCommands]);
  fixture.run("GEOADD", "k", "NX", "CH", "13.361389", "38.115556", "P", "180", "-85.05112878", "e");
  expect(fixture.propagated()).toEqual(["zadd k NX CH 3479099956230698 P 9007199254740992 e"]);
  expect(fixture.run("GEOADD", "k", "13.361389", "38.115556", "P")).toBe(integer(0));
  expect(fixture.propagated()).toEqual([]);
});

test("GEODIST measures in every unit and is null without either member", () => {
  const fixture = sicily();
  const distance = (...unit: string[]) =>
    fixture.run("GEODIST", "Sicily", "Palermo", "Catania", ...unit);
  expect(distance()).toBe(bulk("166274.1516"));
  expect(distance("km")).toBe(bulk("166.2742"));
  expect(distance("MI")).toBe(bulk("103.3182"));
  expect(fixture.run("GEODIST", "Sicily", "Palermo", "absent")).toBe("$-1\r\n");
});

test("searches are propagated as they came, and only where they store", () => {
  const fixture = sicily();
  const search = ["FROMLONLAT", "15", "37", "BYRADIUS", "100", "km"];
  expect(fixture.run("GEOSEARCH", "Sicily", ...search)).toBe(bulks("Catania"));
  expect(fixture.propagated()).toEqual([]);
  expect(fixture.run("GEOSEARCHSTORE", "d", "Sicily", ...search, "STOREDIST")).toBe(integer(1));
  const request = "GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST";
  expect(fixture.propagated()).toEqual([request]);
  expect(fixture.run("ZSCORE", "d", "Catania")).toBe(bulk("56.4412578701582"));
  fixture.run("GEORADIUS", "Sicily", "0", "0", "1", "m", "STORE", "d");
  expect(fixture.propagated()).toEqual(["GEORADIUS Sicily 0 0 1 m STORE d"]);
  expect(fixture.run("EXISTS", "d")).toBe(integer(0));
});

test("a set may be searched and stored under its own key", () => {
  const fixture = sicily();
  const search = ["FROMMEMBER", "Catania", "BYRADIUS", "1", "km"];
  expect(fixture.run("GEOSEARCHSTORE", "Sicily", "Sicily", ...search)).toBe(integer(1));
  expect(fixture.run("ZCARD", "Sicily")).toBe(integer(1));
});

test("numbers in errors are printed as C prints them, ties to even", () => {
  expect([200.0078125, 200.0234375].map(sixDecimals)).toEqual(["200.007812", "200.023438"]);
  expect([-0, -0.1, 1 / 0, -1 / 0].map(sixDecimals)).toEqual([
    ...["-0.000000", "-0.100000", "inf", "-inf"],
  ]);
  expect(sixDecimals(1e22)).toBe("10000000000000000000000.000000");
  expect(sixDecimals(181.1234567)).toBe("181.123457");
});
