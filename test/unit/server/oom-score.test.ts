import { expect, test } from "bun:test";
import { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/file.ts";
import { followOomScore } from "../../../src/server/oom-score.ts";

/** The kernel's file, which takes no values below `least`, and what the log was told. */
function start(directives: string, initial = 100, least = 0) {
  const config = new Config();
  loadConfig(config, directives);
  const state = { score: initial, writes: 0, logged: [] as string[] };
  const file = {
    read: () => `${state.score}\n`,
    write: (text: string) => {
      if (Number(text) < least) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      state.score = Number(text);
      state.writes++;
    },
  };
  followOomScore(config, { log: (_, message) => state.logged.push(message) }, file);
  return { config, state };
}

test("the score is left alone unless it is asked for", () => {
  const { config, state } = start("");
  expect(config.set([["oom-score-adj-values", "1 2 3"]])).toBeUndefined();
  expect(state).toEqual({ score: 100, writes: 0, logged: [] });
});

test("the first value counts, by itself or beside what was there", () => {
  const { config, state } = start("oom-score-adj relative\noom-score-adj-values 33 44 55");
  const set = (...pairs: [string, string][]) => {
    expect(config.set(pairs)).toBeUndefined();
    return state.score;
  };
  expect(state.score).toBe(133);
  expect(set(["oom-score-adj", "absolute"])).toBe(33);
  expect(set(["oom-score-adj-values", "1500 1 1"])).toBe(1000);
  expect(set(["oom-score-adj", "yes"], ["oom-score-adj-values", "7 8 9"])).toBe(107);
  expect(set(["oom-score-adj", "no"])).toBe(100);
  state.score = 5;
  expect(set(["oom-score-adj", "relative"])).toBe(12);
});

test("what the kernel refuses is refused, and what was before is back", () => {
  const { config, state } = start("oom-score-adj absolute\noom-score-adj-values -5 0 0");
  expect(state.logged).toEqual(["Unable to write oom_score_adj: Permission denied"]);
  expect(config.set([["oom-score-adj-values", "50 0 0"]])).toBeUndefined();
  expect(config.set([["oom-score-adj-values", "-10 0 0"]])).toBe(
    "ERR CONFIG SET failed (possibly related to argument 'oom-score-adj-values') - " +
      "Failed to set current oom_score_adj. Check server logs.",
  );
  expect(state.score).toBe(50);
  expect(config.text("oom-score-adj-values")).toBe("50 0 0");
});
