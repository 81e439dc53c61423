// From tokens to a syntax tree. All of Lua's expressions are understood as far as their extent
// goes; what is not compiled is a node that says so, and makes the script go over to the virtual
// machine only if it comes there. Functions are compiled where they have a name, return one value,
// share no variable that changes, and do not call themselves.
//
// Globals cannot be changed by scripts, so a name that is no local variable is known for what it
// is.

import { latin1Text } from "../../base/text.ts";
import {
  type ArgumentList,
  type Block,
  type Expression,
  FUNCTIONS,
  type Local,
  type LocalFunction,
  type Program,
  type Statement,
} from "./syntax.ts";
import { type Token, tokensOf, Unsupported } from "./tokens.ts";

/** Blocks and expressions within each other. */
const DEPTH_MAX = 60;

const SOURCE_BYTES_MAX = 1 << 13;
const REGISTER = "redis.register_function";

type Call = Expression & { kind: "call" };

const LIBRARIES: ReadonlySet<string> = new Set(["redis", "math", "string", "table"]);
/** What may have another name, beside functions that stand for an operation. */
const NAMED: ReadonlySet<string> = new Set([
  ...[...LIBRARIES, ...FUNCTIONS.keys()],
  ...["redis.call", "redis.pcall", "ipairs", "unpack"],
]);
const UNSUPPORTED: Expression = { kind: "unsupported" };

/** Operators by how strongly they bind: to the left, and to the right. */
type Binding = readonly [left: number, right: number];
const LEVELS: readonly (readonly [binding: Binding, operators: string])[] = [
  [[1, 1], "or"],
  [[2, 2], "and"],
  [[3, 3], "< > <= >= ~= =="],
  [[5, 4], ".."],
  [[6, 6], "+ -"],
  [[7, 7], "* / %"],
  [[10, 9], "^"],
];
const BINDING: ReadonlyMap<string, Binding> = new Map(
  LEVELS.flatMap(([binding, operators]) => operators.split(" ").map((name) => [name, binding])),
);
const UNARY_BINDING = 8;

/** The syntax tree of a script. Throws Unsupported where there can be none. */
export function parse(source: Uint8Array): Program {
  const body = new Parser(tokensIn(source), false).parse();
  return { parameters: [], helpers: [], body };
}

/** The same of the function that a library's source registers by a name. */
export function parseFunction(source: Uint8Array, name: string): Program {
  const block = new Parser(tokensIn(source), true).parse();
  const helpers = block.filter(({ kind }) => kind === "function");
  for (const statement of block) {
    if (statement.kind === "function" || statement.kind === "local") continue;
    const isCall = statement.kind === "evaluate" && statement.value.kind === "call";
    if (!isCall) throw new Unsupported(statement.kind);
    const made = registered(statement.value as Call, name);
    if (made !== undefined) return { parameters: made.parameters, helpers, body: made.body };
  }
  throw new Unsupported(name);
}

/** The function that a call of redis.register_function gives a name, if it is written there. */
function registered({ name: called, args }: Call, name: string): LocalFunction | undefined {
  if (called !== REGISTER) throw new Unsupported(called);
  let [named, callback]: (Expression | undefined)[] = args as Expression[];
  if (named.kind === "record") {
    const { names, items } = named;
    callback = items[names.indexOf("callback")];
    named = items[names.indexOf("function_name")];
  }
  const isIt = named?.kind === "constant" && named.value === name;
  return isIt && callback?.kind === "lambda" ? callback.made : undefined;
}

function tokensIn(source: Uint8Array): Token[] {
  if (source.length > SOURCE_BYTES_MAX) throw new Unsupported("so long a source");
  return tokensOf(latin1Text(source));
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  readonly #locals: Local[] = [];
  /** How many functions it is in. */
  #level = 0;
  /** Names of the functions that it is in. */
  readonly #refused: string[] = [];
  /** The variables that can be seen, by name; inner blocks come last. */
  readonly #scopes: Map<string, Local>[] = [];

  /** It is a library: what is outside of functions has been run when it was loaded. */
  readonly #isLibrary: boolean;
  /** In the arguments of REGISTER. */
  #isRegistering = false;

  constructor(tokens: readonly Token[], isLibrary: boolean) {
    this.#tokens = tokens;
    this.#isLibrary = isLibrary;
  }

  parse(): Block {
    const block = this.#block();
    if (this.#token.kind !== "end") throw new Unsupported(this.#token.text);
    // When a variable is read, and when it is changed by a call in between, is Lua's own business.
    if (this.#locals.some(({ isAssigned, isCaptured }) => isAssigned && isCaptured)) {
      throw new Unsupported("a variable that functions share");
    }
    const isKept = ({ level, isCaptured, alias, made }: Local) =>
      level === 0 && isCaptured && alias === undefined && made === undefined;
    if (this.#isLibrary && this.#locals.some(isKept)) throw new Unsupported("a library's variable");
    return block;
  }

  get #token(): Token {
    return this.#tokens[this.#at];
  }

  /** Whether the next token is this keyword or symbol. */
  #is(text: string): boolean {
    const { kind } = this.#token;
    return (kind === "symbol" || kind === "keyword") && this.#token.text === text;
  }

  /** Passes this keyword or symbol if it is the next token. */
  #accept(text: string): boolean {
    const isNext = this.#is(text);
    if (isNext) this.#at++;
    return isNext;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw new Unsupported(this.#token.text);
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind !== "name") throw new Unsupported(text);
    this.#at++;
    return text;
  }

  #declare(name: string): Local {
    const local: Local = {
      id: this.#locals.length,
      isAssigned: false,
      isCaptured: false,
      level: this.#level,
      alias: undefined,
      made: undefined,
    };
    this.#locals.push(local);
    this.#scopes.at(-1)!.set(name, local);
    return local;
  }

  #find(name: string): Local | undefined {
    for (let k = this.#scopes.length - 1; k >= 0; k--) {
      const found = this.#scopes[k].get(name);
      if (found === undefined) continue;
      if (found.level < this.#level) found.isCaptured = true;
      return found;
    }
    return undefined;
  }

  #deeper<T>(parse: () => T): T {
    if (++this.#depth > DEPTH_MAX) throw new Unsupported("so much nesting");
    const result = parse();
    this.#depth--;
    return result;
  }

  /** A block up to the keyword that ends it; `end` is called before its variables are forgotten. */
  #block(begin: () => void = () => {}, end: () => void = () => {}): Block {
    return this.#deeper(() => {
      this.#scopes.push(new Map());
      begin();
      const statements: Statement[] = [];
      while (!this.#isBlockEnd()) {
        const statement = this.#statement();
        if (statement !== undefined) statements.push(statement);
      }
      end();
      this.#scopes.pop();
      return statements;
    });
  }

  #isBlockEnd(): boolean {
    if (this.#token.kind === "end") return true;
    return this.#is("end") || this.#is("else") || this.#is("elseif") || this.#is("until");
  }

  #statement(): Statement | undefined {
    if (this.#accept(";")) return undefined;
    if (this.#accept("if")) return this.#if();
    if (this.#accept("while")) {
      const condition = this.#expression();
      this.#expect("do");
      return { kind: "while", condition, body: this.#body() };
    }
    if (this.#accept("do")) return { kind: "block", body: this.#body() };
    if (this.#accept("for")) return this.#for();
    if (this.#accept("repeat")) {
      let condition!: Expression;
      const body = this.#block(undefined, () => {
        this.#expect("until");
        condition = this.#expression();
      });
      return { kind: "repeat", condition, body };
    }
    if (this.#accept("local")) return this.#local();
    if (this.#accept("return")) return this.#return();
    if (this.#accept("break")) {
      this.#accept(";");
      return { kind: "break" };
    }
    return this.#assignmentOrCall();
  }

  /** A block and the `end` behind it. */
  #body(begin?: () => void): Block {
    const body = this.#block(begin);
    this.#expect("end");
    return body;
  }

  #if(): Statement {
    const branches: { condition: Expression; body: Block }[] = [];
    do {
      const condition = this.#expression();
      this.#expect("then");
      branches.push({ condition, body: this.#block() });
    } while (this.#accept("elseif"));
    const otherwise = this.#accept("else") ? this.#block() : undefined;
    this.#expect("end");
    return { kind: "if", branches, otherwise };
  }

  #for(): Statement {
    const names = [this.#name()];
    if (this.#accept("=")) return this.#count(names[0]);
    while (this.#accept(",")) names.push(this.#name());
    this.#expect("in");
    const iterated = this.#expressions();
    this.#expect("do");
    const locals: Local[] = [];
    const body = this.#body(() => {
      for (const name of names) locals.push(this.#declare(name));
    });
    const [call] = iterated;
    const isIpairs = call.kind === "call" && call.name === "ipairs" && call.args.length === 1;
    if (iterated.length !== 1 || !isIpairs || names.length > 2) {
      return { kind: "evaluate", value: UNSUPPORTED };
    }
    const [index, element] = locals;
    return { kind: "each", index, element, table: call.args[0], body };
  }

  #count(name: string): Statement {
    const [first, last, step, more] = this.#expressions();
    if (last === undefined || more !== undefined) throw new Unsupported("for");
    this.#expect("do");
    let local!: Local;
    const body = this.#body(() => {
      local = this.#declare(name);
    });
    return { kind: "count", local, first, last, step, body };
  }

  #local(): Statement {
    if (this.#accept("function")) return this.#function(this.#name());
    const names = [this.#name()];
    while (this.#accept(",")) names.push(this.#name());
    const hasValues = this.#accept("=");
    if (hasValues && names.length === 1 && this.#accept("function")) {
      return this.#function(names[0]);
    }
    const values = hasValues ? this.#expressions() : [];
    // Their values do not see them yet.
    const locals = names.map((name) => this.#declare(name));
    if (values.length === locals.length) {
      for (const [k, local] of locals.entries()) {
        const alias = aliasOf(values[k]);
        // While a library is loaded, names stand for other things than later.
        const isOther = this.#isLibrary && this.#level === 0 && alias?.kind !== "constant";
        if (!isOther) local.alias = alias;
      }
    }
    return { kind: "local", locals, values };
  }

  #function(name: string): Statement {
    const made = this.#made(name);
    // Only now: its body does not see its name, so there is no recursion.
    const local = this.#declare(name);
    local.made = made;
    return { kind: "function", local, made };
  }

  /** A function from its parameters on. */
  #made(name: string): LocalFunction {
    const isRegistered = this.#isRegistering;
    this.#isRegistering = false;
    this.#level++;
    const parameters: Local[] = [];
    this.#expect("(");
    const names: string[] = [];
    if (!this.#is(")")) {
      do names.push(this.#name());
      while (this.#accept(","));
    }
    this.#expect(")");
    const body = this.#body(() => {
      for (const parameter of names) parameters.push(this.#declare(parameter));
      if (isRegistered) nameArguments(parameters);
      this.#refused.push(name);
    });
    this.#refused.pop();
    this.#level--;
    this.#isRegistering = isRegistered;
    return { parameters, body };
  }

  #return(): Statement {
    if (this.#accept(";") || this.#isBlockEnd()) return { kind: "return", value: undefined };
    const values = this.#expressions();
    this.#accept(";");
    if (values.length > 1 && this.#level > 0) throw new Unsupported("more than one result");
    return { kind: "return", value: values.length === 1 ? values[0] : UNSUPPORTED };
  }

  #assignmentOrCall(): Statement {
    const first = this.#suffixed();
    if (!this.#is("=") && !this.#is(",")) return { kind: "evaluate", value: first };
    const targets = [first];
    while (this.#accept(",")) targets.push(this.#suffixed());
    this.#expect("=");
    const values = this.#expressions();
    if (first.kind === "index" && targets.length === 1 && values.length === 1) {
      return { kind: "store", table: first.table, key: first.key, value: values[0] };
    }
    const locals: Local[] = [];
    for (const target of targets) {
      if (target.kind !== "local") return { kind: "evaluate", value: UNSUPPORTED };
      target.local.isAssigned = true;
      locals.push(target.local);
    }
    return { kind: "assign", locals, values };
  }

  #expressions(): Expression[] {
    const all = [this.#expression()];
    while (this.#accept(",")) all.push(this.#expression());
    return all;
  }

  #expression(limit = 0): Expression {
    return this.#deeper(() => {
      let left = this.#operand();
      for (;;) {
        const { kind, text: operator } = this.#token;
        const binding = kind === "symbol" || kind === "keyword" ? BINDING.get(operator) : undefined;
        if (binding === undefined || binding[0] <= limit) return left;
        this.#at++;
        const right = this.#expression(binding[1]);
        left = folded({ kind: "binary", operator, left, right });
      }
    });
  }

  #operand(): Expression {
    for (const operator of ["not", "-", "#"]) {
      if (!this.#accept(operator)) continue;
      return folded({ kind: "unary", operator, operand: this.#expression(UNARY_BINDING) });
    }
    const { kind, text, value } = this.#token;
    if (kind === "number" || kind === "string") {
      this.#at++;
      return { kind: "constant", value: kind === "number" ? value : text };
    }
    if (this.#accept("nil")) return { kind: "constant", value: undefined };
    if (this.#accept("true")) return { kind: "constant", value: true };
    if (this.#accept("false")) return { kind: "constant", value: false };
    if (this.#accept("function")) return { kind: "lambda", made: this.#made("") };
    return this.#is("{") ? this.#table() : this.#suffixed();
  }

  #table(): Expression {
    this.#expect("{");
    const items: Expression[] = [];
    const names: string[] = [];
    while (!this.#accept("}")) {
      const next = this.#tokens[this.#at + 1];
      const isNamed = this.#token.kind === "name" && next.kind === "symbol" && next.text === "=";
      names.push(isNamed ? this.#token.text : "");
      if (isNamed) {
        this.#at += 2;
      } else if (this.#accept("[")) {
        this.#expression();
        this.#expect("]");
        this.#expect("=");
        names[names.length - 1] = "[]";
      }
      items.push(this.#expression());
      if (!this.#accept(",") && !this.#accept(";") && !this.#is("}")) throw new Unsupported("{");
    }
    if (names.every((name) => name === "")) return { kind: "table", items };
    const isReply = items.length === 1 && (names[0] === "ok" || names[0] === "err");
    if (isReply) return { kind: "call", name: `{${names[0]}}`, args: items };
    return { kind: "record", names, items };
  }

  /** A name or an expression in parentheses, and what is done with it: indexing and calls. */
  #suffixed(): Expression {
    let value: Expression;
    if (this.#accept("(")) {
      value = this.#expression();
      this.#expect(")");
    } else {
      value = this.#named(this.#name());
    }
    for (;;) {
      if (this.#accept(".")) value = fieldOf(value, this.#name());
      else if (this.#accept("[")) {
        value = elementOf(value, this.#expression());
        this.#expect("]");
      } else if (this.#accept(":")) {
        const name = `string.${this.#name()}`;
        value = { kind: "call", name, args: [value, ...this.#arguments()] };
      } else if (this.#isCall()) value = this.#call(value);
      else return value;
    }
  }

  #call(called: Expression): Expression {
    const isOutside = this.#isLibrary && this.#level === 0;
    this.#isRegistering = isOutside && called.kind === "global" && called.name === REGISTER;
    const args = this.#arguments();
    this.#isRegistering = false;
    return callOf(called, args);
  }

  #isCall(): boolean {
    return this.#token.kind === "string" || this.#is("(") || this.#is("{");
  }

  #arguments(): Expression[] {
    if (!this.#accept("(")) return [this.#operand()];
    if (this.#accept(")")) return [];
    const args = this.#expressions();
    this.#expect(")");
    return args;
  }

  #named(name: string): Expression {
    if (this.#refused.includes(name)) throw new Unsupported("what may be recursion");
    const local = this.#find(name);
    if (local !== undefined) return { kind: "local", local };
    if (name === "KEYS" || name === "ARGV")
      return { kind: "arguments", list: name as ArgumentList };
    return { kind: "global", name };
  }
}

/**
 * Arithmetic on constants is a constant, as it is to Lua. That takes 0 and -0 for the same
 * constant: which of them it is depends on which came first.
 */
function folded(value: Expression): Expression {
  const result = folding(value);
  if (result === undefined || Number.isNaN(result)) return value;
  if (result === 0 && 1 / result < 0) throw new Unsupported("a negative zero");
  return { kind: "constant", value: result };
}

function folding(value: Expression): number | undefined {
  if (value.kind === "unary") {
    const operand = numberIn(value.operand);
    return value.operator === "-" && operand !== undefined ? -operand : undefined;
  }
  if (value.kind !== "binary") return undefined;
  const [a, b] = [numberIn(value.left), numberIn(value.right)];
  if (a === undefined || b === undefined) return undefined;
  switch (value.operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return b === 0 ? undefined : a / b;
    case "%":
      return b === 0 ? undefined : a - Math.floor(a / b) * b;
    case "^":
      throw new Unsupported("a power, which may not come out the same");
  }
  return undefined;
}

function numberIn(value: Expression): number | undefined {
  return value.kind === "constant" && typeof value.value === "number" ? value.value : undefined;
}

/** What may be named in place of a variable that has it as its value. */
function aliasOf(value: Expression): Expression | undefined {
  const { kind } = value;
  if (kind === "global") return NAMED.has(value.name) ? value : undefined;
  if (kind === "arguments" || kind === "constant") return value;
  if (kind === "argument" && value.index.kind === "constant") return value;
  return undefined;
}

/** A variable that is a name for a function or list is that, unless it is assigned to. */
function resolved(value: Expression): Expression {
  if (value.kind !== "local") return value;
  const { alias, isAssigned } = value.local;
  if (isAssigned || (alias?.kind !== "global" && alias?.kind !== "arguments")) return value;
  return alias;
}

/** A function of a library is given what scripts find as KEYS and ARGV. */
function nameArguments([keys, args]: readonly Local[]): void {
  if (keys !== undefined) keys.alias = { kind: "arguments", list: "KEYS" };
  if (args !== undefined) args.alias = { kind: "arguments", list: "ARGV" };
}

function fieldOf(value: Expression, name: string): Expression {
  const table = resolved(value);
  if (table.kind === "global") {
    const isLibrary = LIBRARIES.has(table.name);
    return isLibrary ? { kind: "global", name: `${table.name}.${name}` } : UNSUPPORTED;
  }
  return elementOf(value, { kind: "constant", value: name });
}

function elementOf(value: Expression, key: Expression): Expression {
  const table = resolved(value);
  if (table.kind === "global") return UNSUPPORTED;
  if (table.kind === "arguments") return { kind: "argument", list: table.list, index: key };
  return { kind: "index", table: value, key };
}

function callOf(value: Expression, args: readonly Expression[]): Expression {
  if (value.kind === "local" && value.local.made !== undefined) {
    return { kind: "invoke", local: value.local, args };
  }
  const called = resolved(value);
  return called.kind === "global" ? { kind: "call", name: called.name, args } : UNSUPPORTED;
}
