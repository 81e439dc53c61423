// From a syntax tree to a JavaScript function. What is generated consists of the fixed pieces
// below, of numbers, and of names that are made here: no text of a script's is ever part of it.
// Constants are handed over in an array.
//
// The function takes the CompiledRun, `r`, and returns what the script does; `r.last` stands for
// the reply of the last command, as it is.

import { latin1Bytes } from "../../base/text.ts";
import * as operations from "./operations.ts";
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
import { Unsupported } from "./tokens.ts";

/** Expressions within each other; chains of operators are that, too. */
const DEPTH_MAX = 100;
const TEMPORARIES_MAX = 200;

const ARITHMETIC: ReadonlyMap<string, string> = new Map([
  ["+", "add"],
  ["-", "subtract"],
  ["*", "multiply"],
  ["/", "divide"],
  ["%", "modulo"],
]);

/** Finds a command by constant arguments; undefined where there is none to be called. */
export type FindCommand = (words: readonly Uint8Array[]) => unknown;

/** A function, as source, and the constants that it takes. */
export interface Generated {
  readonly source: string;
  readonly constants: readonly unknown[];
}

/** The operations, with their names, in the order in which the function takes them. */
export const OPERATIONS: readonly (readonly [name: string, operation: unknown])[] =
  Object.entries(operations);

/** The function that a script is. Throws Unsupported where there can be none. */
export function generate(program: Program, find: FindCommand): Generated {
  return new Generator(find).generate(program);
}

class Generator {
  readonly #find: FindCommand;
  readonly #constants: unknown[] = [];
  /** Names of the constants that are strings, and that are bytes. */
  readonly #strings = new Map<string, string>();
  readonly #bytes = new Map<string, string>();
  #temporaries = 0;
  #depth = 0;
  #isInFunction = false;
  /** Expressions so far: what a turn of a loop costs is told by how many it has. */
  #expressions = 0;

  constructor(find: FindCommand) {
    this.#find = find;
  }

  generate({ parameters, helpers, body: block }: Program): Generated {
    for (const parameter of parameters) this.#checkAlias(parameter);
    const declarations = parameters
      .filter((local) => !isAlias(local))
      .map(({ id }) => `let v${id};`);
    const body = [...declarations, this.#block(helpers), this.#block(block)].join(" ");
    const names = this.#constants.map((_, k) => `const k${k} = k[${k}];`).join(" ");
    const temporaries = Array.from({ length: this.#temporaries }, (_, k) => `t${k}`);
    const declared = temporaries.length > 0 ? `let ${temporaries.join(", ")};` : "";
    const source = `"use strict"; ${names} return function (r) { ${declared} ${body} };`;
    return { source, constants: this.#constants };
  }

  #constant(value: unknown): string {
    return `k${this.#constants.push(value) - 1}`;
  }

  #string(text: string): string {
    return this.#shared(this.#strings, text, () => text);
  }

  #bytesOf(text: string): string {
    return this.#shared(this.#bytes, text, () => latin1Bytes(text));
  }

  /** The name of a constant that is made of a text, once for each text. */
  #shared(names: Map<string, string>, text: string, make: () => unknown): string {
    const name = names.get(text) ?? this.#constant(make());
    names.set(text, name);
    return name;
  }

  #temporary(): string {
    if (this.#temporaries === TEMPORARIES_MAX) throw new Unsupported("so many expressions");
    return `t${this.#temporaries++}`;
  }

  #block(block: Block): string {
    return block.map((statement) => this.#statement(statement)).join(" ");
  }

  #statement(statement: Statement): string {
    switch (statement.kind) {
      case "local":
        return this.#local(statement.locals, statement.values);
      case "function":
        return this.#function(statement.local, statement.made);
      case "assign":
        return this.#assign(statement.locals, statement.values);
      case "store": {
        const [table, key] = [this.#value(statement.table), this.#value(statement.key)];
        return `setElement(${table}, ${key}, ${this.#value(statement.value)});`;
      }
      case "evaluate":
        return this.#evaluate(statement.value);
      case "if":
        return this.#if(statement);
      case "while": {
        const before = this.#expressions;
        const condition = this.#truth(statement.condition);
        const body = this.#block(statement.body);
        return `while (${condition}) { r.step(${this.#costSince(before)}); ${body} }`;
      }
      case "repeat": {
        // The condition sees the variables of the body.
        const before = this.#expressions;
        const body = this.#block(statement.body);
        const end = this.#truth(statement.condition);
        return `for (;;) { r.step(${this.#costSince(before)}); { ${body} if (${end}) break; } }`;
      }
      case "count":
        return this.#count(statement);
      case "each":
        return this.#each(statement);
      case "block":
        return `{ ${this.#block(statement.body)} }`;
      case "return":
        return this.#return(statement.value);
      case "break":
        return "break;";
    }
  }

  /** Refuses a name for a function or a list that is given another meaning later. */
  #checkAlias({ alias, isAssigned }: Local): void {
    if (alias?.kind !== "global" && alias?.kind !== "arguments") return;
    if (!isAssigned) return;
    throw new Unsupported("a name for a function that is assigned to");
  }

  #local(locals: readonly Local[], values: readonly Expression[]): string {
    for (const local of locals) this.#checkAlias(local);
    const made = values.map((value, k) => {
      const local = locals[k];
      if (local === undefined) return `void ${this.#value(value)};`;
      if (isAlias(local)) return "";
      return `let v${local.id} = ${this.#value(value)};`;
    });
    const empty = locals.slice(values.length).map(({ id }) => `let v${id};`);
    return [...made, ...empty].join(" ");
  }

  #function({ id, isAssigned }: Local, { parameters, body }: LocalFunction): string {
    if (isAssigned) throw new Unsupported("a name for a function that is assigned to");
    const before = this.#expressions;
    const isWithinAnother = this.#isInFunction;
    this.#isInFunction = true;
    const written = this.#block(body);
    this.#isInFunction = isWithinAnother;
    const names = parameters.map((parameter) => `v${parameter.id}`).join(", ");
    return `const v${id} = (${names}) => { r.step(${this.#costSince(before)}); ${written} };`;
  }

  #assign(locals: readonly Local[], values: readonly Expression[]): string {
    if (locals.length === 1 && values.length === 1) {
      return `v${locals[0].id} = ${this.#value(values[0])};`;
    }
    const count = Math.max(locals.length, values.length);
    const temporaries = Array.from({ length: count }, () => this.#temporary());
    const taken = temporaries.map((name, k) => {
      return `${name} = ${k < values.length ? this.#value(values[k]) : "undefined"};`;
    });
    // As Lua does, the last one first: the same variable may be there twice.
    const given = locals.map(({ id }, k) => `v${id} = ${temporaries[k]};`).reverse();
    return [...taken, ...given].join(" ");
  }

  #evaluate(value: Expression): string {
    if (isCommand(value)) return `${this.#command(value.args)};`;
    return `${this.#value(value)};`;
  }

  #if({ branches, otherwise }: Statement & { kind: "if" }): string {
    const written = branches.map(({ condition, body }) => {
      return `if (${this.#truth(condition)}) { ${this.#block(body)} }`;
    });
    if (otherwise !== undefined) written.push(`{ ${this.#block(otherwise)} }`);
    return written.join(" else ");
  }

  #count({ local, first, last, step, body }: Statement & { kind: "count" }): string {
    const [at, end, by] = [this.#temporary(), this.#temporary(), this.#temporary()];
    const bounds = [
      `${at} = bound(${this.#value(first)});`,
      `${end} = bound(${this.#value(last)});`,
      `${by} = ${step === undefined ? "1" : `bound(${this.#value(step)})`};`,
    ];
    const isUpward = step === undefined || isPositive(step);
    const goesOn = isUpward ? "x <= z" : "(y > 0 ? x <= z : z <= x)";
    // As Lua counts: from one step before the first. The copies are for the compiler's sake.
    const begun = `let x = ${at} - ${by}; const z = ${end}, y = ${by};`;
    const turn = `x += y; if (!(${goesOn})) break; let v${local.id} = x;`;
    const before = this.#expressions;
    const written = this.#block(body);
    const counted = `r.steps(${at}, ${end}, ${by}, ${this.#costSince(before)});`;
    return `${bounds.join(" ")} ${counted} { ${begun} for (;;) { ${turn} ${written} } }`;
  }

  #each({ index, element, table, body }: Statement & { kind: "each" }): string {
    const list = named(table);
    const isArguments = list.kind === "arguments";
    const count = isArguments ? this.#countOf(list.list) : `lengthOf(r.array(a))`;
    let bind = `let v${index.id} = i;`;
    if (element !== undefined) {
      const isNamed = isArguments && !element.isAssigned && !index.isAssigned;
      if (isNamed) {
        const at: Expression = { kind: "local", local: index };
        element.alias = { kind: "argument", list: list.list, index: at };
      } else {
        const value = isArguments ? this.#textOf(list.list, "i") : "elementOf(a, i)";
        bind += ` let v${element.id} = ${value};`;
      }
    }
    const begun = isArguments ? "" : `const a = ${this.#value(table)};`;
    const before = this.#expressions;
    const written = this.#block(body);
    const cost = this.#costSince(before);
    const turn = `if (i > ${count}) break; r.step(${cost}); ${bind} ${written}`;
    return `{ ${begun} for (let i = 1; ; i++) { ${turn} } }`;
  }

  /** What one turn of a loop costs whose expressions are those since `before`. */
  #costSince(before: number): number {
    return 1 + ((this.#expressions - before) >> 3);
  }

  #return(value: Expression | undefined): string {
    if (value === undefined) return "return;";
    if (isCommand(value) && !this.#isInFunction) {
      return `${this.#command(value.args, "true")}; return r.last;`;
    }
    return `return ${this.#value(value)};`;
  }

  /** An expression as JavaScript's boolean. */
  #truth(value: Expression): string {
    if (++this.#depth > DEPTH_MAX) throw new Unsupported("so much nesting");
    const written = this.#truthWithin(value);
    this.#depth--;
    return written;
  }

  #truthWithin(value: Expression): string {
    if (value.kind === "unary" && value.operator === "not") return `!${this.#truth(value.operand)}`;
    if (value.kind === "binary") {
      const { operator, left, right } = value;
      if (operator === "and") return `(${this.#truth(left)} && ${this.#truth(right)})`;
      if (operator === "or") return `(${this.#truth(left)} || ${this.#truth(right)})`;
      const compared = this.#comparison(value);
      if (compared !== undefined) return compared;
    }
    return `isTrue(${this.#value(value)})`;
  }

  #comparison({ operator, left, right }: Expression & { kind: "binary" }): string | undefined {
    if (!["==", "~=", "<", "<=", ">", ">="].includes(operator)) return undefined;
    const [a, b] = [this.#value(left), this.#value(right)];
    if (operator === "==" || operator === "~=") {
      const sign = operator === "==" ? "" : "!";
      // Strings of different lengths are told apart at once.
      const isShort = left.kind === "constant" || right.kind === "constant";
      return isShort ? `(${a} ${sign || "="}== ${b})` : `${sign}r.same(${a}, ${b})`;
    }
    const compare = operator.length === 1 ? "less" : "lessOrEqual";
    if (operator.startsWith("<")) return `${compare}(${a}, ${b})`;
    // The left one is still the first to be found.
    const [first, second] = [this.#temporary(), this.#temporary()];
    return `(${first} = ${a}, ${second} = ${b}, ${compare}(${second}, ${first}))`;
  }

  #value(value: Expression): string {
    this.#expressions++;
    if (++this.#depth > DEPTH_MAX) throw new Unsupported("so much nesting");
    const written = this.#valueWithin(value);
    this.#depth--;
    return written;
  }

  #valueWithin(value: Expression): string {
    switch (value.kind) {
      case "constant":
        return this.#literal(value.value);
      case "local":
        if (value.local.made !== undefined) return "r.giveUp()";
        return isAlias(value.local) ? this.#value(value.local.alias!) : `v${value.local.id}`;
      case "argument":
        return this.#textOf(value.list, this.#value(value.index));
      case "unary":
        return this.#unary(value);
      case "binary":
        return this.#binary(value);
      case "index":
        return `elementOf(${this.#value(value.table)}, ${this.#value(value.key)})`;
      case "invoke":
        return `v${value.local.id}(${this.#arguments(value.args)})`;
      case "table":
        if (isNothing(value.items.at(-1))) return "r.giveUp()";
        return `r.table(tableOf([${value.items.map((item) => this.#value(item)).join(", ")}]))`;
      case "call":
        return this.#call(value);
      case "arguments":
      case "global":
      case "lambda":
      case "record":
      case "unsupported":
        return "r.giveUp()";
    }
  }

  #literal(value: undefined | boolean | number | string): string {
    return typeof value === "string" ? this.#string(value) : String(value);
  }

  #unary({ operator, operand }: Expression & { kind: "unary" }): string {
    if (operator === "not") return `!${this.#truth(operand)}`;
    if (operator === "-") return `negate(${this.#value(operand)})`;
    const list = named(operand);
    return list.kind === "arguments"
      ? this.#countOf(list.list)
      : `lengthOf(${this.#value(operand)})`;
  }

  #binary(value: Expression & { kind: "binary" }): string {
    const { operator, left, right } = value;
    if (operator === "and" || operator === "or") {
      const first = this.#temporary();
      const test = `isTrue(${first} = ${this.#value(left)})`;
      const second = this.#value(right);
      return operator === "and"
        ? `(${test} ? ${second} : ${first})`
        : `(${test} ? ${first} : ${second})`;
    }
    if (operator === "..") return `r.joined(${this.#value(left)}, ${this.#value(right)})`;
    const operation = ARITHMETIC.get(operator);
    if (operation !== undefined) {
      return `${operation}(${this.#value(left)}, ${this.#value(right)})`;
    }
    return this.#comparison(value) ?? "r.giveUp()";
  }

  #call(value: Call): string {
    if (isCommand(value)) return `(${this.#command(value.args)}, r.reply())`;
    const operation = FUNCTIONS.get(value.name);
    const { length } = value.args;
    if (operation === undefined || length < operation[1] || length > operation[2]) {
      return "r.giveUp()";
    }
    if (isNothing(value.args.at(-1))) return "r.giveUp()";
    return `${operation[0]}(${this.#arguments(value.args)})`;
  }

  #arguments(args: readonly Expression[]): string {
    return args.map((argument) => this.#value(argument)).join(", ");
  }

  #countOf(list: ArgumentList): string {
    return list === "KEYS" ? "r.keyCount" : "r.argumentCount";
  }

  #textOf(list: ArgumentList, index: string): string {
    return `r.${list === "KEYS" ? "key" : "argument"}Text(${index})`;
  }

  /** The call of a command, whose reply is left where it is; `isLast` if it is the result. */
  #command(args: readonly Expression[], isLast = "false"): string {
    const words: Uint8Array[] = [];
    for (const argument of args.map(named)) {
      if (argument.kind !== "constant" || typeof argument.value !== "string") break;
      words.push(latin1Bytes(argument.value));
    }
    const command = words.length === 0 ? undefined : this.#find(words);
    if (command === undefined || isNothing(args.at(-1))) return "r.giveUp()";
    const before: string[] = [];
    const written = args.map((argument, k) => {
      if (isUnpack(argument) && k === args.length - 1) return this.#unpacked(argument, before);
      return this.#commandArgument(argument, before);
    });
    const run = `r.run(${this.#constant(command)}, ${isLast})`;
    return `(${[...before, "r.begin()", ...written, run].join(", ")})`;
  }

  /** Hands over one argument; what must be found before any is handed over goes to `before`. */
  #commandArgument(argument: Expression, before: string[]): string {
    const value = named(argument);
    if (value.kind === "constant" && typeof value.value === "string") {
      return `r.put(${this.#bytesOf(value.value)})`;
    }
    if (value.kind === "argument" && isPlain(value.index)) {
      const index = this.#value(value.index);
      return `r.put${value.list === "KEYS" ? "Key" : "Argument"}(${index})`;
    }
    if (isPlain(value)) return `r.putValue(${this.#value(value)})`;
    const name = this.#temporary();
    before.push(`${name} = ${this.#value(value)}`);
    return `r.putValue(${name})`;
  }

  /** unpack(KEYS), unpack(table) as the last arguments. */
  #unpacked({ args }: Call, before: string[]): string {
    const list = named(args[0]);
    if (list.kind === "arguments") return `r.put${list.list === "KEYS" ? "Keys" : "Arguments"}()`;
    const name = this.#temporary();
    before.push(`${name} = ${this.#value(list)}`);
    return `r.putArray(${name})`;
  }
}

function isAlias({ alias, isAssigned }: Local): boolean {
  return alias !== undefined && !isAssigned;
}

type Call = Expression & { kind: "call" };

/** What an expression is that may be another name for it. */
function named(value: Expression): Expression {
  return value.kind === "local" && isAlias(value.local) ? value.local.alias! : value;
}

function isCommand(value: Expression): value is Call & { name: "redis.call" } {
  return value.kind === "call" && (value.name === "redis.call" || value.name === "redis.pcall");
}

/** May be no value at all, which is not nil where arguments are counted. */
function isNothing(value: Expression | undefined): boolean {
  return value?.kind === "invoke" && !alwaysReturns(value.local.made!.body);
}

function alwaysReturns(block: Block): boolean {
  const last = block.at(-1);
  if (last?.kind === "return") return last.value !== undefined && !isNothing(last.value);
  if (last?.kind !== "if" || last.otherwise === undefined) return false;
  return last.branches.every(({ body }) => alwaysReturns(body)) && alwaysReturns(last.otherwise);
}

function isUnpack(value: Expression): value is Call & { name: "unpack" } {
  return value.kind === "call" && value.name === "unpack" && value.args.length === 1;
}

/** Is found without doing anything. */
function isPlain(value: Expression): boolean {
  return value.kind === "constant" || value.kind === "local";
}

function isPositive(value: Expression): boolean {
  return value.kind === "constant" && typeof value.value === "number" && value.value > 0;
}
