// What scripts may reach and what they may not, against Redis 8.0: every way out that is known of,
// and what patterns, sorts and errors do at their edges.

import { differential } from "../harness/differential.ts";

/** Shows an error's text instead of raising it. */
const tried = (code: string) => `local ok, e = pcall(function() ${code} end) return {ok, e}`;

const NAMES = [
  ...["print", "require", "package", "module", "io", "debug", "dofile", "loadfile", "newproxy"],
  ...["getfenv", "setfenv", "file", "arg", "jit", "utf8", "table.unpack", "string.pack"],
  ...["os.execute", "os.exit", "os.getenv", "os.remove", "os.time", "os.date", "os.tmpname"],
  ...[
    "math.type",
    "redis.register_function",
    "cjson.encode_escape",
    "string.gfind == string.gmatch",
  ],
];

const CHANGES = [
  ...["redis.call = nil", "redis.x = 1", "_G.x = 1", "string.x = 1", "math.pi = 3", "KEYS = 1"],
  ...["rawset(_G, 'x', 1)", "rawset(redis, 'x', 1)", "rawset(string, 'x', 1)"],
  ...["table.insert(redis, 1)", "table.insert(_G, 1)", "table.insert(math, 1, 1)"],
  ...["setmetatable(_G, {})", "setmetatable(redis, {})", "setmetatable(string, {})"],
  ...["getmetatable(_G).__index = 1", "getmetatable('').__index = 1", "getmetatable('').x = 1"],
  ...["setmetatable(getmetatable(_G), {})", "rawset(getmetatable(''), 'x', 1)"],
  ...["setmetatable('', {})", "setmetatable(1, {})", "setmetatable(print, {})"],
  ...["setmetatable(nil, {})", "setmetatable(true, {})", "x = 1", "pcall = nil", "_G._G = 1"],
  ...["redis = {}", "local t = redis t.call = 1", "for k in pairs(_G) do _G[k] = nil end"],
  ...["table.sort(redis)", "table.remove(redis)", "cjson.x = 1", "bit.x = 1", "os.x = 1"],
  ...["KEYS[1] = 1", "ARGV.x = 1", "setmetatable(KEYS, {})", "coroutine.x = 1", "struct.x = 1"],
  ...["cmsgpack.x = 1", "table.setn(redis, 1)", "table.foreach(redis, function() end)"],
];

const BYTECODE = [
  "return (loadstring(string.dump(function() return 1 end)))",
  "return (load(function() return string.dump(function() return 1 end) end))",
  String.raw`return (loadstring("\27Lua"))`,
  String.raw`return loadstring("\27Lua", "x")`,
  "return string.dump(print)",
  "return (string.dump(string.len))",
  "return loadstring('return 1 1')",
  "return loadstring(1)",
  "return loadstring({})",
  "return loadstring()",
  "return loadstring('x', {})",
  "return loadstring('return ...')(7)",
  "return loadstring('return KEYS')() == KEYS",
  "loadstring('y = 1')()",
  "return (loadstring(string.rep('(', 300)))",
  "return loadstring('return ' .. string.rep('{', 300))",
  "return loadstring('return ' .. string.rep('-', 300) .. '1')",
  "return #loadstring('return [[' .. string.rep('x', 100000) .. ']]')()",
  "return (loadstring('return ' .. string.rep('a.', 300) .. 'b'))",
  "return loadstring('goto x')",
];

const NUMBERS = [
  "return {unpack({1, 2, 3}, 2)}",
  "return {unpack({}, 1, 3)}",
  "return {unpack({}, 1, 1e8)}",
  "return {unpack({}, -1e8, 1e8)}",
  "return {unpack({}, 1, 2^31 - 1)}",
  "return {unpack({}, -2^31, 2^31 - 1)}",
  "return {unpack({}, 0, 8000)}[1] == nil",
  "return #string.rep('x', 1e5)",
  "return string.rep('x', -1)",
  "return string.rep('', 1e6)",
  "return {select(-1, 1, 2, 3)}",
  "return select(0)",
  "return select(-5, 1)",
  "return select('#')",
  "return string.char(256)",
  "return string.char(-1)",
  "return {string.byte('abc', -10, 10)}",
  "return string.format('%99d', 1)",
  "return string.format('%100d', 1)",
  "return string.format('%.99f', 1):len()",
  "return string.format('%.100f', 1)",
  "return string.format('%y', 1)",
  "return string.format('%s')",
  "return string.format('%d', 'x')",
  "return string.format('%q', 'a\\0b\\r\\n\"')",
  "return string.format('%c%c', 0, 65)",
  "return string.format('%5s|%-5s|%.2s', 'a', 'b', 'cde')",
  "return string.format('%', 1)",
  "return table.concat({1, 2, {}}, ',')",
  "return table.concat({1, 2, 3}, ',', 2, 5)",
  "return table.concat({1, 2, 3}, ',', 3, 2)",
  "return math.random(0)",
  "return math.random(2, 1)",
  "return math.random(1, 2, 3)",
  "math.randomseed(7) return {math.random(100), math.random(100), math.random(5, 9)}",
  "return {bit.tohex(255, 4), bit.tohex(255, -4), bit.tohex(-1), bit.tohex(1, 1000)}",
  "return {bit.tohex(1, -2147483648), bit.tohex(1, 2147483647), bit.tohex(1, 0)}",
  "return {bit.lshift(1, 33), bit.rol(1, -1), bit.tobit(2^40 + 1), bit.bnot(0)}",
  "return tonumber('0x10')",
  "return tonumber('10', 36)",
  "return tonumber('zz', 36)",
  "return tonumber('8', 8)",
  "return tonumber('1', 1)",
  "return tonumber({})",
  "return tonumber('1e1000') == math.huge",
];

const LIBRARIES = [
  "return struct.pack('i1000', 1)",
  "return struct.unpack('i1000', 'x')",
  "return struct.unpack('c99999999999', 'x')",
  "return struct.unpack('c4294967295', 'x')",
  "return struct.unpack('i', 'abcd', 2147483647)",
  "return struct.unpack('i', 'abcd', -1)",
  "return struct.unpack('i', 'abcd', -2147483648)",
  "return struct.unpack('c0', 'x')",
  "return struct.unpack('Bc0', '\\255abc')",
  "return struct.pack('>!16i', 1)",
  "return struct.size('>!8bi')",
  "return struct.size('i99999999999999999999')",
  "return struct.pack('c-1', 'x')",
  "return struct.pack('k', 1)",
  "return struct.pack('s', 'a\\0b')",
  "return {struct.unpack('ss', 'a\\0b\\0')}",
  "return cmsgpack.unpack('\\221')",
  "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
  "return cmsgpack.unpack('\\223\\255\\255\\255\\255')",
  "return cmsgpack.unpack('\\219\\255\\255\\255\\255')",
  "return cmsgpack.unpack('\\198\\255\\255\\255\\255')",
  "return cmsgpack.unpack(string.rep('\\145', 300))",
  "return cmsgpack.unpack('')",
  "return cmsgpack.unpack({})",
  "return cmsgpack.unpack_limit('\\1', -1)",
  "return cmsgpack.unpack_one('\\1', 5)",
  "return cmsgpack.unpack_one('\\1', -1)",
  "return cmsgpack.unpack_limit('\\1', 2147483647, 2147483647)",
  "local t = {} t[1] = t return #cmsgpack.pack(t)",
  "return cmsgpack.unpack(cmsgpack.pack({[1.5] = 2, a = {1, 2, 3}}))['a']",
  "local t = {} t[1] = t return cjson.encode(t)",
  "return cjson.encode({[{}] = 1})",
  "return cjson.encode({[true] = 1})",
  "return cjson.encode({[1e10] = 1})",
  "return cjson.encode({1, 2, nil, 4})",
  "return cjson.encode({[1] = 1, [1000] = 2})",
  "return cjson.encode(function() end)",
  "return cjson.encode(coroutine.create(print or pairs))",
  "return cjson.encode(1/0)",
  "return cjson.encode_max_depth(0)",
  "return cjson.decode(string.rep('[', 100000))",
  "return cjson.decode('{\"a\":' .. string.rep('[', 2000) .. '}')",
  "return cjson.decode('\"\\\\ud800\"')",
  "return cjson.decode('[1e999]')[1] == 1/0",
  "return cjson.decode('null') == cjson.null",
  "return type(cjson.new())",
  "return cjson.decode('\\0\\0\\0[')",
];

const ERRORS = [
  "error(setmetatable({}, {__tostring = function() return 'shown' end}))",
  "error(setmetatable({err = 'MY own'}, {__tostring = function() return 'shown' end}))",
  "error({err = {}})",
  "error({err = 5})",
  "error(nil)",
  "error(5)",
  "error(true)",
  "error(print)",
  "error('two', 2)",
  "error('none', 0)",
  tried("error({err = 'MY x', more = 1})"),
  tried("error({})").replace("e}", "type(e)}"),
  tried("redis.call('nosuch')"),
  tried("local x = nil; return x.y"),
  tried("return 1 < 'x'"),
  tried("return {} < {}"),
  tried("return {} .. 'x'"),
  tried("return #5"),
  tried("return -{}"),
  tried("nosuch()"),
  tried("local t = {} t[nil] = 1"),
  tried("local t = {} t[0/0] = 1"),
  tried("for i = 'x', 1 do end"),
  tried("coroutine.yield(1)"),
  tried("local function f() return f() + 1 end f()"),
  tried("string.rep()"),
  tried("('x'):rep({})"),
  tried("('x').y.z = 1"),
  "return {xpcall(function() error('x') end, function(e) return e .. '!' end)}",
  "return {xpcall(function() error('x') end, function(e) error(e) end)}",
  "return {xpcall(function() local x = nil; x() end, tostring)}",
  "return {pcall(pcall)}",
  "return {pcall(error)}",
  "return {pcall(error, {err = 'A b'})}",
  "return {pcall(5)}",
  "return pcall(function() return 1, 2, 3 end)",
  "local co = coroutine.create(function() error('in') end) return {coroutine.resume(co)}",
  "local co = coroutine.wrap(function() error('in') end) co()",
  "local co = coroutine.wrap(function() return redis.call('nosuch') end) return co()",
  "return {coroutine.resume(coroutine.create(function() return 1 end), 2)}",
  "local co = coroutine.create(function() end) coroutine.resume(co) return {coroutine.resume(co)}",
  "return coroutine.running()",
  "return coroutine.status(coroutine.create(function() end))",
  "local co co = coroutine.create(function() return coroutine.resume(co) end) " +
    "return {coroutine.resume(co)}",
  "coroutine.yield()",
  "local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end f()",
  "local function f() return f() end local n = 0 return n",
  "return tostring(setmetatable({}, {__tostring = function() return 5 end}))",
  "return tostring(setmetatable({}, {__tostring = function() error('t') end}))",
  "return getmetatable(setmetatable({}, {__metatable = 'locked'}))",
  "return setmetatable(setmetatable({}, {__metatable = 'locked'}), {})",
  "return rawequal('a', 'a')",
  "return next({}, 'x')",
  "return ipairs(nil)",
  "return collectgarbage('count') > 0",
  "return collectgarbage('nosuch')",
  "return collectgarbage('step') ~= nil",
  "return {collectgarbage('collect')}",
  "return gcinfo() > 0",
  "return _VERSION",
  "assert(false)",
  "assert(nil, 'why')",
  "assert(false, {err = 'WHY x'})",
  "return assert(1, 2)",
  "assert()",
];

const TEXTS = [
  "hello world",
  "",
  "a\\0b",
  "[[x]]",
  "aaa",
  "key = value, k2=v2",
  "%d",
  "THE (quick) fox",
];
const PATTERNS = [
  ...["l+", "", ".", ".*", ".-", "^h", "d$", "(l)(o)", "()", "%w+", "%a*", "[a-z]+", "[^a-z]+"],
  ...[
    "%bxx",
    "%b()",
    "%b[]",
    "%f[%w]%w+",
    "%f[%a]",
    "(%w+) = (%w+)",
    "(a*(.)%w(%s*))",
    "x?",
    "a-b",
  ],
  ...["[]]", "[^]]", "[%]]", "[a-]", "[-a]", "[%a-z]", "%z", "a%zb", "%%", "%d+", "^", "$", "^$"],
  ...["a$b", "^^", "(.-)$", "%1", "(a)%1", "(a)%2", "(", ")", "(()", "%", "[", "[a", "[^", "[%"],
  ...["%b", "%bx", "%f", "%fa", "*", "+", "-", "?", "a**", "(.", "%w%", "[]", "[^]", "%x%u%l%p%c"],
  ...[".-.-.-x", "(((((.)))))", "([^=]+)=([^,]+)", "\\0", "a\\0", "[a\\0b]", "%", "^(h)(.)%2*"],
];

const REPLACEMENTS = [
  "'<%0>'",
  "'%1%1'",
  "'%2'",
  "'%'",
  "'%%'",
  "'%x'",
  "''",
  "string.upper",
  "{a = 'b', h = 1}",
];

const SORTS = [
  "local t = {3, 1, 2} table.sort(t) return t",
  "local t = {'b', 'a', 'B', '', 'a\\0', 'a'} table.sort(t) return t",
  "local t = {3, 'x', 1} table.sort(t) return t",
  "local t = {{}, {}} table.sort(t)",
  "local t = {1, 2, nil, 4} table.sort(t)",
  "local t = {true, false} table.sort(t)",
  "local t = {5, 2, 8, 1, 9, 3} table.sort(t, function(a, b) return a > b end) return t",
  "local t = {} for i = 1, 50 do t[i] = i end table.sort(t, function() return true end) return t",
  "local t = {} for i = 1, 50 do t[i] = i end table.sort(t, function() return false end) return t",
  "local t = {} for i = 1, 40 do t[i] = (i * 7) % 10 end " +
    "local n = 0 table.sort(t, function(a, b) n = n + 1 return a < b end) return {n, unpack(t)}",
  "local t, s = {}, {} for i = 1, 40 do t[i] = {(i * 7) % 5, i} end " +
    "table.sort(t, function(a, b) return a[1] < b[1] end) " +
    "for i = 1, 40 do s[i] = t[i][2] end return s",
  "local t = {2, 0/0, 1} table.sort(t) return #t",
  "table.sort()",
  "table.sort(5)",
  "table.sort({}, 5)",
  "table.sort({1, 2}, nil)",
  "table.sort({1, 2}, function() error('cmp') end)",
  "table.sort({3, 2, 1}, function(a, b) return redis.call('nosuch') end)",
  "local mt = {__lt = function(a, b) return a.v < b.v end} local function o(v) " +
    "return setmetatable({v = v}, mt) end local t = {o(3), o(1), o(2)} table.sort(t) " +
    "return {t[1].v, t[2].v, t[3].v}",
];

differential("scripts' sandbox", "redis8", ({ compare }) => {
  const run = (script: string) => ["eval", script, "0"];

  compare("what there is", function* () {
    for (const name of NAMES) yield run(`return tostring(${name})`);
    for (const name of NAMES) yield run(`return type(${name})`);
    for (const name of ["redis", "string", "table", "math", "os", "bit", "struct", "cjson"]) {
      yield run(
        `local r = {} for k, v in pairs(${name}) do r[#r + 1] = k .. ':' .. type(v) end ` +
          "table.sort(r) return r",
      );
    }
  });

  compare("what cannot be changed", function* () {
    for (const change of CHANGES) yield run(change);
    for (const change of CHANGES) yield run(tried(change));
    yield run("return {math.pi > 3, ('x'):upper(), redis.call('ping').ok}");
  });

  compare("sources and bytecode", function* () {
    for (const script of BYTECODE) yield run(script);
  });

  compare("numbers at their limits", function* () {
    for (const script of NUMBERS) yield run(script);
  });

  compare("libraries at their limits", function* () {
    for (const script of LIBRARIES) yield run(script);
  });

  compare("errors", function* () {
    for (const script of ERRORS) yield run(script);
  });

  compare("patterns", function* () {
    for (const text of TEXTS) {
      for (const pattern of PATTERNS) {
        const both = `'${text}', '${pattern}'`;
        yield run(`return {string.find(${both})}`);
        yield run(`return {string.find(${both}, -3)}`);
        yield run(`return {string.match(${both}, 2)}`);
        yield run(
          `local r = {} for a, b in string.gmatch(${both}) do r[#r + 1] = {a, b} end return r`,
        );
        yield run(`return {string.gsub(${both}, '<%0>', 3)}`);
      }
    }
  });

  compare("replacements", function* () {
    for (const replacement of REPLACEMENTS) {
      for (const pattern of ["l+", "(h)(e)", "", "()", "^a", ".-", "%w*"]) {
        for (const times of ["", ", 0", ", 1", ", -1", ", 1e9"]) {
          yield run(`return {string.gsub('hello a', '${pattern}', ${replacement}${times})}`);
        }
      }
    }
    for (const bad of [
      "nil",
      "true",
      "print",
      "5",
      "function() return {} end",
      "function() return true end",
    ]) {
      yield run(`return {string.gsub('abc', 'b', ${bad})}`);
    }
    for (const call of ["find", "match", "gmatch", "gsub"]) {
      yield run(`return string.${call}()`);
      yield run(`return string.${call}('x')`);
      yield run(`return string.${call}({}, 'x', 'y')`);
      yield run(`return string.${call}('x', {}, 'y')`);
      yield run(`return ('x'):${call}({})`);
      yield run(`return ('x'):${call}('x', {}, {})`);
      yield run(`return {string.${call}(1213, 1, 2)}`);
    }
    yield run("return {string.gsub('abc', '%w', '%%%0')}");
    yield run(
      "return {string.find('a.b', '.', 1, true), string.find('abc', 'c', -1), ('x'):find('')}",
    );
    yield run(
      "return {string.find('abc', '', 10), string.find('abc', '', 4), string.find('', '')}",
    );
    yield run(`return {string.find(string.rep('()', 32), string.rep('()', 33))}`);
    yield run(`return {string.match('x', string.rep('(x?)', 32))}`);
    yield run(
      "local t = setmetatable({}, {__index = function(t, k) return k .. k end}) " +
        "return {string.gsub('abc', '%w', t)}",
    );
    yield run("return {string.gsub('abc', '%w', function(c) return c ~= 'b' and c:upper() end)}");
  });

  compare("sorts", function* () {
    for (const script of SORTS) yield run(script);
  });
});
