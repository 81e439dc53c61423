// ACL against Redis 8.0: rules and what is shown of users, passwords, dry runs, the log.

import { type Command, differential } from "../harness/differential.ts";
import { arities, caseVariants, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";
import { plainValue } from "../harness/reply.ts";

const HASH = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

/** Rules of every kind, right and wrong. */
const RULES: readonly string[] = [
  ...["on", "off", "nopass", "resetpass", "reset", "sanitize-payload", "skip-sanitize-payload"],
  ...["ON", "oFF", "NoPass", "on\0x", "\0", " on", "on "],
  ...[">", ">x", ">x", ">\0\xff", "<x", "<nosuch", `#${HASH}`, `#${HASH}0`, `#${HASH.slice(1)}`],
  ...[`#${HASH.toUpperCase()}`, `!${HASH}`, `!${HASH}`, "!", "#", "<"],
  ...["+get", "-get", "+GET", "+get\0x", "+nosuch", "-nosuch", "+", "-", "+ get", "+get "],
  ...["+config", "-config", "+config|get", "-config|get", "+CONFIG|SET", "+config|nosuch"],
  ...["-config|nosuch", "+config|", "-config|", "+config|get|x", "-config|get|x", "+|", "-|"],
  ...["+select|0", "+select|1", "+SELECT|0", "+get|A", "+get|a", "-get|a", "+get|", "+nosuch|x"],
  ...["+get|a|b", "+@read|x", "+@all", "-@all", "+@ALL", "allcommands", "nocommands"],
  ...["+@read", "-@read", "+@READ", "-@write", "+@write", "+@nosuch", "-@nosuch", "+@", "-@"],
  ...["+@read\0x", "+@dangerous", "-@slow", "+@fast", "+@blocking", "+@scripting", "+@admin"],
  ...["~a", "~a*", "~", "~*", "allkeys", "resetkeys", "~a b", "~a\tb", "~a\0", "~\xff", "ALLKEYS"],
  ...["%R~a", "%W~a", "%RW~a", "%WR~b", "%rw~b", "%r~a", "%RR~a", "%X~a", "%~a", "%", "%R", "%W"],
  ...["%R~*", "%W~*", "%RW~*", "%R~x~y", "%R~a b"],
  ...["&a", "&a*", "&", "&*", "allchannels", "resetchannels", "&a b", "&\0"],
  ...["()", "( )", "(~a)", "(+get ~a)", "(+@read -mget %R~x* &y)", "(allkeys allchannels +@all)"],
  ...["(on)", "(nopass)", "(>x)", "(reset)", "((~a))", "(~a)(~b)", "(~\"a\" ~'b')", '(~"a)'],
  ...["(+nosuch)", "(~* ~a)", "(&* &a)", "(+config|get|x)", "(%X~a)", "(", ")", "(~a", "~a)"],
  ...["clearselectors", "CLEARSELECTORS", "nosuch", "", " ", "@read", "get", "*"],
];

/** A user made from rules, and what is shown of it. */
function* userOf(...rules: string[]): Generator<Command> {
  yield ["acl", "setuser", "u", "reset"];
  yield ["acl", "setuser", "u", ...rules];
  yield ["acl", "getuser", "u"];
  yield ["acl", "list"];
}

differential("acl", "redis8", ({ compare, dialogue, probe }) => {
  compare("every rule alone, and after others", function* () {
    for (const rule of RULES) yield* userOf(rule);
    yield ["acl", "setuser", "u", "reset"];
    // Each on top of all before it that were accepted.
    for (const rule of RULES) {
      yield ["acl", "setuser", "u", rule];
      yield ["acl", "getuser", "u"];
    }
    yield ["acl", "deluser", "u"];
  });

  compare("pairs of rules about commands keep their order", function* () {
    const rules = RULES.filter((rule) => /^[+-][\w@|]+$/.test(rule));
    for (const first of rules) {
      for (const second of rules) {
        yield ["acl", "setuser", "u", "reset", first, second, "+mget", first];
        yield ["acl", "getuser", "u"];
      }
    }
    yield ["acl", "deluser", "u"];
  });

  compare("a wrong rule leaves the user as it was", function* () {
    yield* userOf("on", "~a", "+get", "(~b)");
    yield ["acl", "setuser", "u", "off", "+set", "nosuch"];
    yield ["acl", "setuser", "u", "off", "(~c", "+get"];
    yield ["acl", "setuser", "u", "clearselectors", "(nosuch)"];
    yield ["acl", "setuser", "new", "on", "nosuch"];
    yield ["acl", "list"];
    yield ["acl", "deluser", "u"];
  });

  compare("selectors over several words", function* () {
    yield* userOf("(~a", "%R~b", "+get)", "(", "~x", ")", "(~a", ")");
    yield* userOf("(~a", "(~b)", "x)");
    yield* userOf("(", "(", ")", ")");
    yield* userOf("(~a", "~b", "on");
    yield* userOf("on", "(~a", "");
    yield ["acl", "deluser", "u"];
  });

  compare("names of users", function* () {
    for (const name of [...HOSTILE_STRINGS, "A", "a", "a|b", "default", "Default", "@all", "("]) {
      yield ["acl", "setuser", name];
      yield ["acl", "getuser", name];
      yield ["acl", "users"];
      yield ["acl", "dryrun", name, "get", "a"];
      if (name !== "default") yield ["acl", "deluser", name];
    }
  });

  compare("DELUSER", function* () {
    yield ["acl", "setuser", "a"];
    yield ["acl", "setuser", "b"];
    yield ["acl", "deluser", "nosuch"];
    yield ["acl", "deluser", "a", "default"];
    yield ["acl", "deluser", "a", "a", "nosuch", "b"];
    yield ["acl", "users"];
    yield ["acl", "getuser", "a"];
  });

  compare("arities, cases and wrong arguments", function* () {
    for (const sub of ["cat", "whoami", "users", "list", "log", "genpass", "getuser", "help"]) {
      if (sub !== "help") for (const words of arities(sub, 4)) yield ["acl", ...words];
      if (sub !== "genpass")
        for (const name of caseVariants(sub)) yield ["acl", name, "x", "y", "z"];
    }
    for (const words of arities("dryrun", 3)) yield ["acl", ...words];
    yield* [["acl"], ["acl", "nosuch"], ["acl", "setuser"], ["acl", "deluser"], ["acl", "help"]];
    yield* [
      ["acl", "load"],
      ["acl", "save"],
      ["acl", "load", "x"],
      ["acl", "save", "x"],
    ];
    for (const value of HOSTILE_INTEGERS) yield ["acl", "log", value];
    for (const value of HOSTILE_STRINGS) yield ["acl", "cat", value];
    yield ["acl", "log", "reset"];
  });

  probe("GENPASS makes as many digits as were asked for", async (client) => {
    const shapes: unknown[] = [];
    for (const bits of [...HOSTILE_INTEGERS, "3", "4", "5", "256", "4095", "4096", "4097"]) {
      const reply = await client.ask("acl", "genpass", bits);
      shapes.push(reply.kind === "$" ? reply.raw.replace(/[0-9a-f]+\r\n$/, "x") : reply.raw);
    }
    const [first, second] = [
      await client.run("acl", "genpass"),
      await client.run("acl", "genpass"),
    ];
    shapes.push(first !== second, /^[0-9a-f]{64}$/.test(String(first)));
    return shapes;
  });

  probe("CAT lists the commands of every category", async (client, { known }) => {
    const categories = plainValue(await client.ask("acl", "cat")) as string[];
    const results: unknown[] = [categories];
    for (const category of [...categories, "READ"]) {
      const names = plainValue(await client.ask("acl", "cat", category)) as string[];
      const common = names.filter((name) => known(name) && !NOT_IN_REDIS.test(name));
      results.push([category, ...common.sort()]);
    }
    return results;
  });

  probe("the slow log hides passwords and names of users", async (client) => {
    await client.ask("config", "set", "slowlog-log-slower-than", "0");
    await client.ask("slowlog", "reset");
    const lines = ["setuser u on >secret", "getuser u", "deluser u nosuch", "dryrun default get x"];
    lines.push("setuser u >x nosuch", "cat read", "genpass 5", "whoami", "list");
    for (const line of lines) await client.ask("acl", ...line.split(" "));
    await client.ask("auth", "default", "any");
    await client.ask("hello", "2", "auth", "default", "any", "setname", "x");
    const logged = await client.ask("slowlog", "get", "30");
    await client.ask("config", "set", "slowlog-log-slower-than", "10000");
    return logged.items.map((entry) => plainValue(entry.items[3]));
  });

  dialogue("passwords", function* () {
    yield ["acl", "setuser", "u", "reset", "on", ">one", ">two", `#${HASH}`, "+@all", "~*", "&*"];
    for (const password of ["one", "two", "x", "One", "", "one\0", HASH]) {
      yield ["auth", "u", password];
      yield ["acl", "whoami"];
      yield ["auth", "default", ""];
    }
    yield ["acl", "setuser", "u", "<one"];
    yield ["auth", "u", "one"];
    yield ["acl", "setuser", "u", "off"];
    yield ["auth", "u", "two"];
    yield ["acl", "setuser", "u", "on", "nopass"];
    yield ["auth", "u", "whatever"];
    yield ["acl", "setuser", "u", "resetpass"];
    yield ["auth", "u", "whatever"];
    yield ["auth", "nosuch", "x"];
    yield ["hello", "3", "auth", "u", "wrong"];
    yield ["hello", "2", "auth", "u"];
    yield ["auth", "a", "b", "c"];
    yield ["acl", "setuser", "u", ">\xff\0"];
    yield ["auth", "u", Buffer.from([255, 0])];
    yield ["auth", "default", ""];
    yield ["acl", "deluser", "u"];
  });
});

/** Commands of ours alone. */
const NOT_IN_REDIS = /^(msetex|delifeq|commandlog|script\|show)\b/;
