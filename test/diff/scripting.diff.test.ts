// Scripts against Redis 8.0: results, errors, conversions, the libraries and the sandbox.

import { type Command, differential } from "../harness/differential.ts";
import { arities, caseVariants, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";

/** Scripts that need no keys; each shows one rule. */
const SCRIPTS = [
  "return foo",
  "foo=1",
  "redis.x=1",
  'rawset(_G,"a",1)',
  "setmetatable(_G,{})",
  "return type(getmetatable(_G))",
  'getmetatable("").__index=nil',
  'return redis.call("nosuch")',
  'return redis.call("get")',
  'return redis.call("eval","return 1",0)',
  "return redis.call()",
  "return redis.call({})",
  'return redis.call("get",{})',
  'return redis.pcall("get",{})',
  'return redis.call("incr","a",1.5)',
  'return redis.call("echo",1.5)',
  'return redis.call("echo",1e15)',
  'return redis.call("echo",0.1)',
  'return redis.call("echo",-0)',
  'return redis.call("echo",1e300)',
  'return redis.call("echo",1/0)',
  'error("boom")',
  'error({err="MY boom"})',
  "error({})",
  "error()",
  'error("boom",0)',
  'return {err="x"}',
  String.raw`return {err="x\r\ny"}`,
  String.raw`return {ok="x\r\ny"}`,
  'return redis.error_reply("x")',
  'return redis.error_reply("-x y")',
  "return redis.error_reply(1)",
  "return redis.error_reply()",
  'return redis.status_reply("x")',
  "return redis.status_reply({})",
  'return redis.sha1hex("x")',
  "return redis.sha1hex()",
  "return redis.log(1)",
  'return redis.log("a","b")',
  'return redis.log(9,"b")',
  "return redis.setresp(4)",
  "return redis.setresp()",
  "return redis.setresp(3)",
  "return redis.set_repl(9)",
  "return redis.set_repl()",
  "return redis.set_repl(0)",
  "return redis.replicate_commands()",
  "return redis.breakpoint()",
  'return redis.debug("x")',
  'return redis.acl_check_cmd("get","a")',
  'return redis.acl_check_cmd("nosuch","a")',
  "return redis.acl_check_cmd()",
  'return redis.acl_check_cmd("get")',
  'return redis.register_function("a",1)',
  "return {1,2,nil,4}",
  'return {1.9,-1.9,"a",true,false,{double=1.5}}',
  "return 1.9",
  "return 1e20",
  "return 0/0",
  "return redis.call",
  "return {map={a=1}}",
  "return {set={a=1}}",
  'return {big_number="12"}',
  'return {verbatim_string={format="txt",string="a"}}',
  "retur 1",
  'return loadstring("return 5")()',
  "return loadstring(string.dump(function() end))",
  "return load(function() return nil end)",
  "return tostring(print)",
  'return redis.call("subscribe","a")',
  'return redis.call("blpop","l",0)',
  'return redis.call("script","flush")',
  'return redis.call("select",1)',
  'return redis.call("config","get","port")',
  'return redis.call("config","nosuch")',
  "#!lua",
  'local ok,e=pcall(function() error({x=1}) end) return {type(e),tostring(e)==""}',
  'local ok,e=pcall(function() error({err="FOO bar"}) end) return {type(e),e}',
  'local ok,e=pcall(function() error("x") end) return {type(e),e}',
  "local ok,e=pcall(function() error() end) return {type(e),tostring(e)}",
  'local ok,e=pcall(redis.call,"get") return {tostring(ok),e}',
  "return {pcall(function(...) return ... end,1,2,3)}",
  'return pcall(redis.call,"set","a","b")',
  "coroutine.yield(1)",
  String.raw`return string.format("%5.2f|%q|%s|%d|%x","1.5","a\nb","x",3,255)`,
  "return cjson.encode({[1]=1,[5]=2})",
  "return cjson.encode(0/0)",
  "return cjson.encode(print)",
  'return cjson.encode(1e15).." "..cjson.encode(0.1).." "..cjson.encode(1/3)',
  "local t={} for i=1,1001 do t={t} end return cjson.encode(t)",
  'return cjson.decode(string.rep("[",1001)..string.rep("]",1001))',
  "return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3))}",
  "return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),2)}",
  "return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),2)}",
  "return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),2,9)}",
  "return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),-2,1)}",
  String.raw`return {cmsgpack.unpack("\xc1")}`,
  String.raw`return {cmsgpack.unpack("\x92\x01")}`,
  "return cmsgpack.pack()",
  "return bit.band()",
  'return bit.band("x")',
  'return {struct.unpack(">I2h",struct.pack(">I2h",1,-2))}',
  'return {struct.unpack("bc0",struct.pack("bc0",3,"abc"))}',
  'return struct.pack("i33",1)',
  'return struct.pack("!3i",1)',
  'return struct.pack("z",1)',
  'return struct.pack("c3","a")',
  'return struct.unpack("i","a")',
  'return struct.unpack("s","a")',
  'return struct.unpack("c0","a")',
  'return struct.size("s")',
  'return struct.size("c0")',
  'return struct.unpack("i","abcd",0)',
  'return struct.pack("i99999999999",1)',
  'redis.setresp(3) return redis.call("hgetall","nokey")',
  'redis.setresp(3) return type(redis.call("get","nokey"))',
  'return type(redis.call("get","nokey"))',
  'return redis.call("zscore","z","a")',
  "return {unpack({1,2,3})}",
  'return string.rep("x",-1)',
  'return #string.rep("x",1000000)',
  'return select("#",pairs({}))',
  'return getmetatable("").__index==string',
  "string.foo=1",
  'return rawget(_G,"nosuch")',
  "return _G.redis==redis",
  "return #KEYS+#ARGV",
  "KEYS=1",
  "ARGV[1]=5 return ARGV[1]",
  "return math.floor(3.7)",
  'return redis.call("incrby","cnt",10)',
  'return redis.call("get","cnt")',
  'return redis.call("lpush","cnt",10)',
  'return redis.pcall("lpush","cnt",10)',
  'local r=redis.pcall("lpush","cnt",10) return r.err',
  'return redis.error_reply("My Err")',
  'return redis.error_reply("-My")',
  'return redis.error_reply("-")',
  'return redis.error_reply("")',
  'return redis.error_reply(" x")',
  'return redis.status_reply("")',
  'error(redis.error_reply("FOO bar"))',
  'return loadstring("x=")',
  'return {loadstring("x=")}',
  'local f,e=loadstring("x=") return e',
  "return string.dump(function() end):sub(1,4)",
  "return tostring(os.clock()>=0)",
  'return redis.call("time")[1]~=nil',
  'return redis.call("echo",true)',
  'return redis.call("echo",nil)',
  'return redis.call("ping")',
  String.raw`return redis.call("ping","a\0b")`,
  String.raw`return "a\0b"`,
  String.raw`return "\255\254"`,
  "local s=0 for i=1,100000 do s=s+i end return s",
  "return gcinfo()>0",
  'return string.find("abc","b")',
  'return {string.gsub("hello","l",function(c) return c:upper() end)}',
  "local t={5,3,1} table.sort(t,function(a,b) return a<b end) return t",
  "return setmetatable(1,{})",
  "return setmetatable({},1)",
  "return rawset(1,2,3)",
  "return next({})",
  "return next(1)",
  "return pairs()",
  "return getmetatable()",
  'return ("x"):rep(3)',
  "return -1",
  "return 9007199254740993",
  'return {1,{2,{3,"x"}},{ok="A"},{err="E e"}}',
  "return {map={a=1,b=2}}",
  'return {double="x"}',
  "return {err=5}",
  'return {verbatim_string={format="txt"}}',
  "return true",
  "return false",
  "return nil",
  "",
  "return",
  "return 1,2",
];

const JSON_TEXTS = [
  '{"a":1}',
  '[1,2,{"b":[]}]',
  "[1,]",
  '{"a"}',
  "{a:1}",
  "",
  " ",
  "nul",
  '"abc',
  '"\\x"',
  '"\\u12"',
  '"\\u00e9\\ud83d\\ude00"',
  "1 2",
  "+1",
  "-",
  "0x10",
  "nan",
  "[[",
  '{"a":1,}',
  "01",
  "1e5",
  "-inf",
  "tru",
  '{"a":1 "b"',
];

const DECODE =
  "local ok,v=pcall(cjson.decode,ARGV[1]) if not ok then return v end " +
  "return {type(v),cjson.encode(v)}";

/** Declarations in the first line, good and bad. */
const SHEBANGS = [
  "#!lua",
  "#!lua\n",
  "#!lua\nreturn 1",
  "#!lua flags=\nreturn 1",
  "#!lua flags=no-writes\nreturn 1",
  "#!lua flags=no-writes\nreturn redis.call('set','a','b')",
  "#!lua flags=nosuch\nreturn 1",
  "#!lua flags=no-writes,allow-oom,allow-stale,no-cluster,allow-cross-slot-keys\nreturn 1",
  "#!js\nreturn 1",
  "#!lua name=x\nreturn 1",
  "#!lua foo\nreturn 1",
  "#!\nreturn 1",
  "#!lua\nerror('x')",
  "#!lua flags=no-writes,\nreturn 1",
  "#!lua  flags=no-writes\r\nreturn 1",
  "#!LUA\nreturn 1",
];

const KNOWN = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

/** What a script's own types become. */
const CONVERSIONS = [
  "{true,false,{double=1.5},{map={a=1}},{set={a=true}},{big_number='1'},nil}",
  "{verbatim_string={format='txt',string='a'}}",
  "{verbatim_string={format='txt'}}",
  "{double=1/0}",
  "{double='x'}",
  "{map=1}",
  "{set={}}",
  "{big_number='1\\r\\n2'}",
  "{ok=1,1,2}",
  "{err='E x',ok='y'}",
  "{err=5}",
  "{{err='E x'},{ok='y'},{{}}}",
  "1.99",
  "-1.99",
  "2^53",
  "2^63",
  "-2^63",
  "1/0",
  "0/0",
  "'\\0\\r\\n'",
  "print",
  "{1,nil,3}",
  "tostring(1e100)",
];

differential("scripting", "redis8", ({ compare, dialogue }) => {
  compare("each rule of scripts", function* () {
    yield ["hset", "h", "f", "v"];
    yield ["zadd", "z", "1.5", "a"];
    yield ["sadd", "s", "m"];
    for (const script of SCRIPTS) yield ["eval", script, "0"];
  });

  compare("keys and arguments", function* () {
    for (const count of ["0", "1", "2", "3", "-1", "x", "", "1.0", ...HOSTILE_INTEGERS]) {
      yield ["eval", "return {#KEYS,#ARGV,KEYS,ARGV}", count, "a", "b"];
      yield ["evalsha", KNOWN, count, "a", "b"];
      yield ["eval_ro", "return {KEYS[1],ARGV[1]}", count, "a", "b"];
    }
    for (const value of HOSTILE_STRINGS) {
      yield ["eval", "return {KEYS[1],ARGV[1],#ARGV[1]}", "1", value, value];
      yield ["eval", "return redis.call('echo',ARGV[1])", "0", value];
      yield ["eval", "return redis.call('set',KEYS[1],ARGV[1])", "1", value, value];
      yield ["get", value];
    }
  });

  compare("conversions in both protocols", function* () {
    yield ["hset", "h", "f", "v"];
    yield ["zadd", "z", "1.5", "a"];
    yield ["sadd", "s", "m"];
    for (const value of CONVERSIONS) yield ["eval", `return ${value}`, "0"];
    for (const call of ["'hgetall','h'", "'zscore','z','a'", "'smembers','s'", "'get','none'"]) {
      for (const version of [2, 3]) {
        const script = `redis.setresp(${version}) return redis.call(${call})`;
        yield ["eval", script, "0"];
        yield ["eval", `redis.setresp(${version}) return type(redis.call(${call}))`, "0"];
      }
    }
  });

  compare("JSON", function* () {
    for (const text of JSON_TEXTS) yield ["eval", DECODE, "0", text];
    for (const text of HOSTILE_STRINGS) {
      yield ["eval", "return cjson.encode(ARGV[1])", "0", text];
      yield ["eval", "return cjson.decode(cjson.encode({ARGV[1]}))", "0", text];
    }
  });

  compare("declarations in the first line", function* () {
    for (const script of SHEBANGS) {
      for (const name of ["eval", "eval_ro"]) yield [name, script, "0"];
    }
  });

  compare("the script cache", function* () {
    yield ["script", "flush"];
    yield ["evalsha", KNOWN, "0"];
    yield ["script", "load", "return 1"];
    yield ["script", "exists", KNOWN, KNOWN.toUpperCase(), "x", ""];
    yield ["evalsha", KNOWN, "0"];
    yield ["evalsha", KNOWN.toUpperCase(), "0"];
    yield ["evalsha_ro", KNOWN, "0"];
    yield ["script", "load", "return 1 1"];
    for (const mode of ["sync", "ASYNC", "x", ""]) yield ["script", "flush", mode];
    yield ["script", "flush", "sync", "async"];
    yield ["script", "exists", KNOWN];
    yield ["script", "kill"];
    yield ["script", "help"];
    yield ["script", "nosuch"];
  });

  dialogue("the debugger is chosen", function* () {
    for (const mode of ["no", "NO", "maybe"]) yield ["script", "debug", mode];
  });

  compare("arities and cases", function* () {
    for (const name of ["eval", "evalsha", "eval_ro", "evalsha_ro", "script"]) {
      yield* arities(name, 5);
      for (const variant of caseVariants(name)) yield [variant, "return 1", "0"];
    }
  });

  compare(
    "what a script does stays done, what it selected does not",
    function* (): Generator<Command> {
      yield ["eval", "redis.call('set','a','1') redis.call('nosuch')", "0"];
      yield ["get", "a"];
      yield ["eval", "redis.call('select','1') return redis.call('set','b','1')", "0"];
      yield ["get", "b"];
      yield [
        "eval",
        "for i=1,100 do redis.call('rpush','l',i) end return redis.call('llen','l')",
        "0",
      ];
      yield ["eval", "return redis.call('blpop','none','0')", "0"];
      yield ["eval", "return redis.call('lpush','a','x')", "0"];
      yield ["eval", "return redis.pcall('lpush','a','x')", "0"];
      yield ["eval", "return redis.pcall('lpush','a','x').err", "0"];
      yield ["eval_ro", "return redis.call('set','a','x')", "0"];
      yield ["eval_ro", "return redis.call('get','a')", "0"];
    },
  );
});
