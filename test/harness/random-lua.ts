// Random Lua: programs of what scripts that are compiled consist of, mostly of the right types,
// with a little of everything else.

import type { Choices } from "./generate.ts";

const NUMBERS = [
  ...["0", "1", "2", "3", "7", "10", "-1", "0.5", "2.25", "1e3", "12345678901", "0.1", "-7.5", "3"],
];
const ODD_NUMBERS = [
  ...["1e13", "1e15", "123456789012345", "1e-5", "1/3", "1e300", "0x10", "3.00006103515625"],
  ...["0/0", "1/0", "'5'", "nil", "l2", "KEYS"],
];
const REFUSED_NUMBERS = ["-0", "2^53", "0 * -1"];
const STRINGS = [
  "''",
  "'a'",
  "'abc'",
  "'10'",
  "'-3'",
  "'\\0'",
  "'\\255A'",
  "[[long]]",
  "'ABC'",
  "'x' .. 'y'",
];
const ODD_STRINGS = [
  ...["'1.5'", "' 5'", "'inf'", "'nan'", "'0x10'", "'-'", "'.5'", "'5.'", "'1e3'", "'false'"],
  ...["'9007199254740993'", "('ab'):upper()", "l2", "5", "('x'):rep(300)"],
];
const CALLS = ["f(1, 2)", "f(l0)", "g(l2)", "g()", "f(KEYS[1], l3, 5)"];
const REPLIES = [
  ...["{ok='x'}", "{err='FOO x'}", "redis.error_reply('x')", "redis.error_reply('FOO x y')"],
  ...["redis.status_reply('x')", "{ok=ARGV[1]}", "redis.error_reply(ARGV[2])", "{err=ARGV[3]}"],
];
const ODD = [
  ...REPLIES,
  "{1, nil, 3}",
  "{ok='x'}",
  "{a=1}",
  "KEYS",
  "cjson.null",
  "redis.status_reply('s')",
];
const NUMERALS = ["'10'", "'-3'", "'1.25'", "'abc'", "''", "ARGV[1]", "ARGV[2]", "'007'", "'1e3'"];
/** Those that are numbers all the time, and those that are anything. */
const FIGURES = ["l0", "l1"];
const OTHERS = ["l2", "l3"];
const LOCALS = [...FIGURES, ...OTHERS];
const METHODS = ["lower()", "upper()", "sub(2)", "sub(-2)", "len()"];
const ORDERS = ["<", "<=", ">", ">=", "=="];
const RANGES = ["1, 2", "0, -1", "-3, -2", "2, 1", "2, 100", "-100, 3", "l0, 3", "2"];
/** Where loops begin: none is without end. */
const FIRSTS = ["1", "1", "-2", "0.5", "l0 % 5"];
const COMMANDS = [
  ...[
    "'get', KEYS[1]",
    "'get', KEYS[2]",
    "'incr', KEYS[3]",
    "'type', KEYS[1]",
    "'exists', KEYS[1]",
  ],
  ...["'set', KEYS[1], ARGV[1]", "'set', KEYS[2], l0", "'append', KEYS[1], l1", "'llen', KEYS[4]"],
  ...["'lrange', KEYS[4], 0, -1", "'rpush', KEYS[4], l0, l1", "'lpop', KEYS[4]", "'del', KEYS[1]"],
  ...[
    "'mget', KEYS[1], KEYS[2], KEYS[3]",
    "'mget', unpack(KEYS)",
    "'rpush', KEYS[4], unpack(ARGV)",
  ],
  ...[
    "'hset', KEYS[5], 'f', l1",
    "'hgetall', KEYS[5]",
    "'echo', l0",
    "'incrby', KEYS[3], 2",
    "'ping'",
  ],
  ...["'set', KEYS[1], ARGV[2], 'nx'", "'incrbyfloat', KEYS[3], 0.5", "'set', k, l0", "'get', k"],
  ...["'rpush', KEYS[4], unpack({l0, l1})", "'object', 'encoding', KEYS[4]", "'setnx', k, l1"],
  ...["'zadd', KEYS[6], l0, l1", "'zscore', KEYS[6], l1", "'zrange', KEYS[6], 0, -1, 'withscores'"],
];
const ODD_COMMANDS = [
  ...[
    "'nosuch'",
    "l0",
    "'select', 3",
    "'lpush', KEYS[1], 1",
    "'get'",
    "'set', KEYS[2], l2",
    "KEYS[1]",
  ],
  ...[
    "'get', KEYS[9]",
    "'lrange', KEYS[4]",
    "'spop', KEYS[1]",
    "'keys', '*'",
    "'eval', 'return 1', 0",
  ],
];

/** Now and then something odd. */
function oddly(c: Choices, usual: readonly string[], odd: readonly string[]): string {
  return c.pick(c.oneIn(25) ? odd : usual);
}

/** One program; KEYS has six elements and ARGV three. */
export function randomLua(c: Choices): string {
  const values = LOCALS.map((_, k) =>
    k < 2 ? c.pick(NUMBERS) : c.pick([...STRINGS, ...NUMBERS, "{}", "nil"]),
  );
  const body = statements(c, 2 + c.below(5), 2);
  const results = LOCALS.map(
    (name) => `type(${name}) == 'table' and #${name} or tostring(${name})`,
  );
  const returned = c.oneIn(6)
    ? c.pick(REPLIES)
    : c.oneIn(3)
      ? any(c, 2)
      : `{${results.join(", ")}, ${c.oneIn(9) ? c.pick(REPLIES) : any(c, 1)}}`;
  return `local call, k = redis.call, KEYS[1] ${functions(c)}
    local ${LOCALS.join(", ")} = ${values.join(", ")}
    ${body} return ${returned}`;
}

/** f and g, which have variables of their own; bodies call neither. */
function functions(c: Choices): string {
  const result = c.oneIn(20) ? "" : `return ${number(c, 2)}`;
  const called = c.pick(["f(a, 1)", "f(k)", "a", "f(a) .. 'x'", c.oneIn(9) ? "1, 2" : "k"]);
  return `local function f(a, b)
      local ${LOCALS.join(", ")} = tonumber(a) or 1, 2, b, ${command(c)}
      for i = 1, 3 do l0 = ${number(c, 2)} if ${number(c, 1)} > i then break end end
      l2 = ${text(c, 2)} ${result} end
    local ${c.oneIn(2) ? "function g(a)" : "g = function(a)"}
      if a then return ${called} else return ${c.pick(["f(2)", "k", "{f(1)}"])} end end`;
}

function statements(c: Choices, count: number, depth: number): string {
  return Array.from({ length: count }, () => statement(c, depth)).join("\n");
}

function statement(c: Choices, depth: number): string {
  const name = c.pick(OTHERS);
  const block = () => statements(c, 1 + c.below(3), depth - 1);
  switch (c.below(depth > 0 ? 14 : 6)) {
    case 0:
      return command(c);
    case 1:
      return `${name} = ${command(c)}`;
    case 2:
      return `${name}, ${c.pick(OTHERS)} = ${any(c, 2)}, ${any(c, 1)}`;
    case 3:
      return `${c.pick(FIGURES)} = ${number(c, 2)}`;
    case 4:
      return c.oneIn(2)
        ? `if type(${name}) == 'table' then ${name}[#${name} + 1] = ${number(c, 1)} end`
        : `if type(${name}) == 'table' then ${name}[${number(c, 0)}] = ${any(c, 1)} end`;
    case 5:
      return `local ${name} = ${any(c, 2)}`;
    case 6:
      return `if ${truth(c, 2)} then ${block()} elseif ${truth(c, 1)} then ${block()} end`;
    case 7:
      return `if ${truth(c, 2)} then ${block()} else ${block()} end`;
    case 8:
      return `for i = ${c.pick(FIRSTS)}, ${c.below(6)} do ${block()} if i > 9 then break end end`;
    case 9:
      return `for i = ${c.below(5)}, ${c.pick(FIRSTS)}, ${c.pick(["-1", "0.5", "2"])} do
        ${block()} if i * i > 30 then break end end`;
    case 10:
      return `do local n = 0 while n < 4 and ${truth(c, 1)} do n = n + 1 ${block()} end end`;
    case 11:
      return `do local n = 0 repeat local m = ${truth(c, 1)} n = n + 1 ${block()}
        until m or n > 3 end`;
    case 12: {
      const list = c.pick(["KEYS", "ARGV", `{${any(c, 1)}, ${any(c, 1)}}`, name]);
      return `for i, v in ipairs(${list}) do ${name} = v ${block()} if i > 9 then break end end`;
    }
    default:
      return `for i = 1, #${c.pick(["KEYS", "ARGV"])} do ${name} = call('get', KEYS[i])
        ${block()} end`;
  }
}

function command(c: Choices): string {
  return `${c.pick(["redis.call", "call", "redis.pcall"])}(${oddly(c, COMMANDS, ODD_COMMANDS)})`;
}

function any(c: Choices, depth: number): string {
  switch (c.below(depth > 0 ? 9 : 4)) {
    case 0:
      return c.pick(LOCALS);
    case 1:
      return c.pick(["nil", "true", "false"]);
    case 2:
      return number(c, depth);
    case 3:
      return text(c, depth);
    case 4:
      return `{${any(c, depth - 1)}, ${any(c, depth - 1)}}`;
    case 5:
      return `(${truth(c, depth - 1)} and ${any(c, depth - 1)} or ${any(c, depth - 1)})`;
    case 6:
      return command(c);
    case 7:
      return c.oneIn(2) ? truth(c, depth - 1) : CALLS[c.below(CALLS.length)];
    default:
      return oddly(c, ["({KEYS[1], 2})[2]", "ARGV[1]", "KEYS[7]", "KEYS[2]"], ODD);
  }
}

function number(c: Choices, depth: number): string {
  if (c.oneIn(500)) return c.pick(REFUSED_NUMBERS);
  if (depth <= 0 || c.oneIn(3)) return oddly(c, [...FIGURES, ...NUMBERS], ODD_NUMBERS);
  const a = number(c, depth - 1);
  switch (c.below(9)) {
    case 0:
      return `(tonumber(${oddly(c, NUMERALS, ODD_STRINGS)}) or ${a})`;
    case 1:
      return `#${c.pick(["KEYS", "ARGV", "'abc'", "(l0 .. 'x')"])}`;
    case 2:
      return `math.${oddly(c, ["floor", "ceil", "abs"], ["sqrt", "pow"])}(${a})`;
    case 3:
      return `math.${c.pick(["max", "min"])}(${a}, ${number(c, depth - 1)})`;
    case 4:
      return `-${c.pick(FIGURES)}`;
    case 5:
      return `string.len(${text(c, depth - 1)})`;
    default:
      return `(${a} ${c.pick(["+", "-", "*", "/", "%"])} ${number(c, depth - 1)})`;
  }
}

function text(c: Choices, depth: number): string {
  if (depth <= 0 || c.oneIn(3)) {
    return oddly(c, [...STRINGS, "ARGV[1]", "ARGV[2]", "ARGV[3]", "KEYS[4]", "k"], ODD_STRINGS);
  }
  const a = text(c, depth - 1);
  switch (c.below(6)) {
    case 0:
      return `tostring(${c.oneIn(2) ? number(c, depth - 1) : truth(c, depth - 1)})`;
    case 1:
      return `string.sub(${a}, ${c.pick(RANGES)})`;
    case 2:
      return `(${a}):${oddly(c, METHODS, ["reverse()", "sub()"])}`;
    case 3:
      return `type(${any(c, depth - 1)})`;
    default:
      return `(${a} .. ${c.oneIn(2) ? number(c, depth - 1) : text(c, depth - 1)})`;
  }
}

function truth(c: Choices, depth: number): string {
  switch (c.below(depth > 0 ? 7 : 3)) {
    case 0:
      return c.pick(LOCALS);
    case 1:
      return c.pick(["true", "false", "nil", "KEYS[9]", "ARGV[2]"]);
    case 2:
      return `${c.pick(LOCALS)} ${c.pick(["==", "~="])} ${c.pick([...STRINGS, ...NUMBERS])}`;
    case 3:
      return `(${truth(c, depth - 1)} ${c.pick(["and", "or"])} ${truth(c, depth - 1)})`;
    case 4:
      return `not ${truth(c, depth - 1)}`;
    case 5:
      return `${text(c, depth - 1)} ${c.pick(ORDERS)} ${text(c, depth - 1)}`;
    default:
      return `${number(c, depth - 1)} ${c.pick(ORDERS)} ${number(c, depth - 1)}`;
  }
}
