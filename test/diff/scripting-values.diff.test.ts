// Values at their limits in scripts, against Redis 8.0: numbers beyond 32 bits in functions of C,
// NaN with a sign, errors as the handler makes them, odd returned tables, the reader of `load`.

import { differential } from "../harness/differential.ts";

const NUMBERS = [
  ...["0", "-1", "3.7", "-3.7", "2^31 - 1", "2^31", "-2^31", "-2^31 - 1", "2^32", "1e12", "-1e12"],
  ...["2^53", "2^63", "-2^63", "2^64", "1e300", "1/0", "-1/0", "0/0", "'1700000000000'", "'x'"],
];

const INTEGER_FORMATS = [
  ...["%d", "%i", "%u", "%x", "%X", "%o", "%c", "%s", "%5.3d|", "%+d", "% d", "%#x", "%#X", "%#o"],
  ...["%05d", "%-25d|", "%25d", "%.20d", "%.0d", "%020x", "%-+ #0d", "%-+ #00d", "%111d", "%.111d"],
  ...["%lld", "%", "%5", "%%%d%%", "%d %s"],
];

/** Results as text, so that every digit and sign of them is seen. */
const shown = (values: string) =>
  `local r = {${values}} for k = 1, #r do r[k] = tostring(r[k]) end return r`;

function* calls(a: string): Generator<string> {
  yield shown(`math.frexp(${a})`);
  // Which sign the NaN of a division has is left open by WebAssembly.
  if (a !== "0/0") {
    yield `return redis.call('echo', ${a})`;
    yield `return cmsgpack.pack(${a}, -(${a} + 0))`;
    yield `return struct.pack('>df', ${a}, ${a})`;
  }
  yield `return struct.pack('>Ii3lL', ${a}, ${a}, ${a}, ${a})`;
  yield `return {string.find('hello', 'l', ${a}), string.match('hello', 'l', ${a})}`;
  yield `return {string.gsub('hello', 'l', 'L', ${a})}`;
  yield `math.randomseed(${a}) ${shown("math.random(), math.random(100)")}`;
  yield `return cmsgpack.unpack_one('\\1\\2', ${a})`;
  yield `return struct.unpack('b', 'abc', ${a})`;
  yield `return redis.setresp(${a})`;
  yield `return redis.set_repl(${a})`;
  yield `return redis.log(${a}, 'x')`;
  for (const b of NUMBERS) {
    yield `return {string.sub('hello', ${a}, ${b}), string.byte('hello', ${a}, ${b})}`;
    yield shown(`math.ldexp(${a}, ${b})`);
  }
  yield `return string.char(65, ${a})`;
  for (const format of INTEGER_FORMATS) yield `return string.format('${format}', ${a})`;
}

const SECOND_FIRST = ["fmod", "mod", "pow", "ldexp", "atan2"].flatMap((name) =>
  ["", "nil", "'x', 'y'", "{}, {}", "1", "'2', '3'"].map((list) => `return math.${name}(${list})`),
);

const FIELDS =
  "local r = {} for k, v in pairs(e) do r[#r + 1] = k .. '=' .. tostring(v) end " +
  "table.sort(r) return r";

/** Errors, where they are said to happen, and what they are made of. */
const ERRORS = [
  ...["string.gsub('x', 'x', error)", "table.foreach({1}, error)", "error('x', 2)", "pcall(error)"],
  ...["local function f() error('in f', 2) end\n\nf()", "\n\n\nerror('line 4')", "error('x', 0)"],
  ...["coroutine.wrap(function()\n redis.call('nosuch') end)()", "loadstring('error(5)', '@n')()"],
  ...["error(print)", "error(cjson.null)", "error(coroutine.create(pcall))", "error('a\\0b')"],
  ...["error({err='X y', source='mine', line=7})", "error({err='a\\0b'})", "return {err='a\\0b'}"],
  "local t = {pcall(error, {})} return {#t, type(t[2]), type(t[3])}",
  "local t = {pcall(error, {err={}})} return {#t, type(t[2]), type(t[3])}",
  "return {pcall(error, {err='E x'})}",
  "return __redis__err__handler('x')",
  "return __redis__err__handler({err='A b'})",
  `local e = __redis__err__handler('x') ${FIELDS}`,
  `local e = __redis__err__handler({}) ${FIELDS}`,
  `local e = redis.pcall('nosuch') ${FIELDS}`,
  `local e = redis.pcall('get') ${FIELDS}`,
  `local e = redis.pcall({}) ${FIELDS}`,
  `local ok, e = xpcall(function() error('a') end, __redis__err__handler) ${FIELDS}`,
  `local ok, e = xpcall(function() redis.call('nosuch') end, function(e) return e end) ${FIELDS}`,
  "local r = {} for k, v in pairs(_G) do r[#r + 1] = k .. ':' .. type(v) end " +
    "table.sort(r) return r",
];

const RETURNED = [
  ...["{verbatim_string={format='t', string='x'}}", "{verbatim_string={format='', string='x'}}"],
  ...["{verbatim_string={format='text', string='x'}}", "{verbatim_string={format=1, string=2}}"],
  ...["{verbatim_string={format='a\\0b', string='x'}}", "{verbatim_string={string='x'}}"],
  ...["{double='1.5'}", "{map={a={map={b=1}}}}", "{set={a=false}}", "{big_number=12}", "{ok=5}"],
  ...["redis.error_reply('a\\0b')", "redis.status_reply('a\\0b')", "tostring(cjson.null)"],
  ...["{err='-a b'}", "{err=''}", "{err='X', source='s', line=3}"],
];

const LOADED = [
  ...["load()", "load(nil)", "load(5)", "pcall(load)", "{pcall(load, 5)}", "{load(pcall)}"],
  ...["{load(function() return nil end)}", "{load(function() return {} end)}"],
  "{pcall(load, function() return {} end)}",
  "{load(function() error('f') end)}",
  "{pcall(load, function() error('f') end)}",
];

const PIECES = (pieces: string) =>
  `local n, p = 0, {${pieces}} local f, e = load(function() n = n + 1 return p[n] end, 'name') ` +
  "if f then return f() end return e";

const ODD_OPTIONS = [
  ...[
    "cjson.encode_sparse_array(0)",
    "cjson.encode_sparse_array({})",
    "cjson.encode_max_depth({})",
  ],
  ...["cjson.encode_sparse_array(false, 2^31)", "cjson.encode_sparse_array(nil, 2, 10)"],
  ...["cjson.encode_sparse_array('off', 'x')", "cjson.encode_max_depth(2^32)"],
  ...["cjson.encode_keep_buffer(1)", "cjson.decode_invalid_numbers('maybe')"],
  ...["cjson.encode(coroutine.create(pcall))", "struct.size('kz9')", "struct.size('i0')"],
  ...["struct.pack('i')", "struct.pack('c1i', 'a')", "struct.pack('s')", "redis.log('2', 'x')"],
  ...["redis.setresp('3')", "table.insert(redis)", "table.insert(redis, 'x', 1)"],
  ...["table.insert(redis, 1)", "string.format('%d %s %%', '1700000000000', '%d')"],
  ...["('%d|%5.2x'):format(1e12, -1)", "string.format('%d')", "string.format(5)"],
  ...["string.format('%d', {})", "table.concat({1, 2, 3}, ',', 2^32 + 2)"],
  "table.foreach(string, function(k) if k == 'rep' then return k end end)",
];

const DIGITS = [
  ...[
    "",
    " ",
    "0x",
    "0X1f",
    "-ff",
    "+10",
    " 10 ",
    "1 0",
    "zz",
    "ffffffff",
    "ffffffffff",
    "-1",
    "1\0",
  ],
  ...["ffffffffffffffff", "10000000000000000", "-ffffffffffffffff", "9".repeat(40), "- 1", "0x-1"],
  ...["\t7\n", "1.5", "1e3", "_1", "é", "--1", "0x0x1"],
];

const PACKED = [
  "\\255\\254\\253\\252\\251\\250\\249\\248\\247\\246\\245\\244\\243\\242\\241\\240\\239\\238",
  "\\1\\2\\3\\4\\5\\6\\7\\8\\9\\10\\11\\12\\13\\14\\15\\16\\17\\18\\19\\20",
  "\\128\\0\\0\\0\\0\\0\\0\\128\\128\\0\\0\\0\\0\\0\\0\\128\\128\\0\\0\\0",
  "\\127\\240\\0\\0\\0\\0\\0\\1abc",
];

function* unpackings(packed: string): Generator<string> {
  const sizes = Array.from({ length: 20 }, (_, k) => k + 1);
  for (const option of ["f", "d", "l", "L", "T", ...sizes.flatMap((n) => [`i${n}`, `I${n}`])]) {
    for (const end of ["<", ">"])
      yield shown(`pcall(struct.unpack, '${end}${option}', '${packed}')`);
  }
  for (const size of ["b", "f", "d", "h"]) yield `return {struct.unpack('${size}c0', '${packed}')}`;
  yield shown(`(cmsgpack.unpack('\\207${packed}'))`);
  yield shown(`(cmsgpack.unpack('\\211${packed}'))`);
  yield shown(`(cmsgpack.unpack('\\203${packed}'))`);
  yield shown(`(cmsgpack.unpack('\\202${packed}'))`);
}

differential("values in scripts", "redis8", ({ compare }) => {
  const run = (script: string) => ["eval", script, "0"];

  compare("numbers beyond 32 bits", function* () {
    for (const number of NUMBERS) for (const script of calls(number)) yield run(script);
  });

  compare("errors and their places", function* () {
    for (const script of [...SECOND_FIRST, ...ERRORS]) yield run(script);
    for (const script of ERRORS) yield ["script", "load", script];
  });

  compare("what is returned", function* () {
    for (const value of RETURNED) yield run(`return ${value}`);
    for (const call of ODD_OPTIONS) yield run(`return ${call}`);
  });

  compare("numbers read", function* () {
    for (const base of ["", ", nil", ", 10", ", 16", ", 36", ", 8", ", 2", ", 37", ", 2^32 + 16"]) {
      const isDecimal = ["", ", nil", ", 10"].includes(base);
      for (const digits of DIGITS) {
        // A prefix alone is 0 for the C library of Lua's module; arithmetic says so, too.
        if (isDecimal && digits === "0x") continue;
        yield ["eval", `return tostring(tonumber(ARGV[1]${base}))`, "0", digits];
      }
      yield run(`return {pcall(tonumber, {}${base})}`);
      yield run(`return tostring(tonumber(255${base}))`);
    }
    for (const packed of PACKED) for (const script of unpackings(packed)) yield run(script);
  });

  compare("sources in pieces", function* () {
    for (const call of LOADED) yield run(`return ${call}`);
    for (const pieces of ["'return ', '7'", "'\\27Lua'", "'', '\\27Lua'", "'x y'", "1, 2", ""]) {
      yield run(PIECES(pieces));
    }
  });
});

differential("scripts shown", "valkey9", ({ compare }) => {
  compare("SCRIPT SHOW", function* () {
    yield ["script", "flush"];
    const digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    yield ["script", "show", digest];
    yield ["script", "load", "return 1"];
    for (const sha of [digest, digest.toUpperCase(), "", "x", digest.slice(1), `${digest}0`]) {
      yield ["script", "show", sha];
    }
    yield ["eval", "return 'a\0b\r\n'", "0"];
    yield ["script", "show", "a3b8c5c0d3a3f1e6b2d5e4c7a9f8b1d2c3e4f5a6"];
    yield ["script", "show"];
    yield ["script", "show", digest, "x"];
    yield ["Script", "SHOW", digest];
  });
});
