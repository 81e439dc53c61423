// Random programs of Lua against Redis 8.0: what they return, and what they leave behind.

import { differential } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { randomLua } from "../harness/random-lua.ts";

const PROGRAMS = 120;
const SEED = 20_261_121;
const KEYS = ["k1", "k2", "n", "list", "hash", "zset"];
const ARGUMENTS = ["", "a", "10", "-1", "1.5", "some longer text", "9007199254740993"];

differential("programs of Lua", "redis8", ({ compare }) => {
  compare("random ones", function* () {
    const choices = new Choices(SEED);
    for (let k = 0; k < PROGRAMS; k++) {
      const args = Array.from({ length: 3 }, () => choices.pick(ARGUMENTS));
      yield ["eval", randomLua(choices), KEYS.length, ...KEYS, ...args];
      for (const key of KEYS.slice(0, 3)) yield ["get", key];
      yield ["lrange", "list", 0, -1];
      yield ["hgetall", "hash"];
      yield ["zrange", "zset", 0, -1, "withscores"];
    }
  });
});
