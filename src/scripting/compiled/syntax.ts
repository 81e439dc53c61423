// The syntax tree of what is compiled.

/** A local variable. */
export interface Local {
  /** Tells it from all others of its script. */
  readonly id: number;
  /** It is given another value than its first. */
  isAssigned: boolean;
  /** A function within which it was declared sees it, besides its own. */
  isCaptured: boolean;
  /** How many functions it was declared in. */
  readonly level: number;
  /** What it stands for all its life, where that can be named in its place. */
  alias: Expression | undefined;
  /** The function that it is a name for. */
  made: LocalFunction | undefined;
}

/** A function with a name. It calls none but those before it. */
export interface LocalFunction {
  readonly parameters: readonly Local[];
  readonly body: Block;
}

/** A script, or a function of a library. */
export interface Program {
  /** Those of a function, which stand for its keys and arguments. */
  readonly parameters: readonly Local[];
  /** What it calls that is defined outside of it. */
  readonly helpers: Block;
  readonly body: Block;
}

export type ArgumentList = "KEYS" | "ARGV";

export type Expression =
  | { readonly kind: "constant"; readonly value: undefined | boolean | number | string }
  | { readonly kind: "local"; readonly local: Local }
  /** KEYS[index], ARGV[index] */
  | { readonly kind: "argument"; readonly list: ArgumentList; readonly index: Expression }
  | { readonly kind: "arguments"; readonly list: ArgumentList }
  /** A field of a library, or a function among the globals. */
  | { readonly kind: "global"; readonly name: string }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
  | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "index"; readonly table: Expression; readonly key: Expression }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  /** The call of a script's own function. */
  | { readonly kind: "invoke"; readonly local: Local; readonly args: readonly Expression[] }
  | { readonly kind: "table"; readonly items: readonly Expression[] }
  /** A table with names for some of its items. */
  | {
      readonly kind: "record";
      readonly names: readonly string[];
      readonly items: readonly Expression[];
    }
  /** A function without a name. */
  | { readonly kind: "lambda"; readonly made: LocalFunction }
  /** What only the virtual machine can tell. */
  | { readonly kind: "unsupported" };

export type Statement =
  | {
      readonly kind: "local";
      readonly locals: readonly Local[];
      readonly values: readonly Expression[];
    }
  | { readonly kind: "function"; readonly local: Local; readonly made: LocalFunction }
  | {
      readonly kind: "assign";
      readonly locals: readonly Local[];
      readonly values: readonly Expression[];
    }
  | {
      readonly kind: "store";
      readonly table: Expression;
      readonly key: Expression;
      readonly value: Expression;
    }
  | { readonly kind: "evaluate"; readonly value: Expression }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly condition: Expression; readonly body: Block }[];
      readonly otherwise: Block | undefined;
    }
  | { readonly kind: "while"; readonly condition: Expression; readonly body: Block }
  | { readonly kind: "repeat"; readonly condition: Expression; readonly body: Block }
  | {
      readonly kind: "count";
      readonly local: Local;
      readonly first: Expression;
      readonly last: Expression;
      readonly step: Expression | undefined;
      readonly body: Block;
    }
  | {
      readonly kind: "each";
      readonly index: Local;
      readonly element: Local | undefined;
      readonly table: Expression;
      readonly body: Block;
    }
  | { readonly kind: "block"; readonly body: Block }
  | { readonly kind: "return"; readonly value: Expression | undefined }
  | { readonly kind: "break" };

export type Block = readonly Statement[];

/** What scripts call, the operation that stands for it, and with how many arguments it does. */
export const FUNCTIONS: ReadonlyMap<
  string,
  readonly [operation: string, from: number, to: number]
> = new Map([
  ["tonumber", ["toNumber", 1, 1]],
  ["tostring", ["toText", 1, 1]],
  ["type", ["typeName", 1, 1]],
  ["redis.status_reply", ["status", 1, 1]],
  ["redis.error_reply", ["errorReply", 1, 1]],
  // {ok = text}, {err = text}
  ["{ok}", ["status", 1, 1]],
  ["{err}", ["failure", 1, 1]],
  ["math.floor", ["floor", 1, 1]],
  ["math.ceil", ["ceil", 1, 1]],
  ["math.abs", ["abs", 1, 1]],
  ["math.max", ["max", 2, 2]],
  ["math.min", ["min", 2, 2]],
  ["string.len", ["stringLength", 1, 1]],
  ["string.sub", ["substring", 2, 3]],
  ["string.lower", ["lower", 1, 1]],
  ["string.upper", ["upper", 1, 1]],
  ["table.insert", ["append", 2, 2]],
]);
