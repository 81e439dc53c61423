// The project's own source text, as tidy looks at it: files, imports and functions. It reads what
// the formatter writes (a block ends at a brace as deep as the line that opened it), not TypeScript
// at large.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

/** A function, method or accessor of a file; line numbers start at 1. */
export interface SourceFunction {
  readonly name: string;
  readonly firstLine: number;
  readonly lastLine: number;
  /** The comment directly above it. */
  readonly comment: string;
}

export class SourceFile {
  /** Relative to the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.lines = text.split("\n");
  }

  /** Every module specifier, type-only, dynamic and deferred imports and re-exports included. */
  get imports(): string[] {
    const pattern = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*"([^"]+)"/g;
    return [...this.text.matchAll(pattern)].map((match) => match[1]);
  }

  /** Imported files of the project, relative to the project. */
  get importedFiles(): string[] {
    const relatives = this.imports.filter((specifier) => specifier.startsWith("."));
    return relatives.map((specifier) => normalize(join(dirname(this.path), specifier)));
  }

  /** The code of a line without strings and comments. Template strings keep their backticks. */
  code(line: number): string {
    const text = this.lines[line - 1];
    if (/^\s*(\*|\/\*)/.test(text)) return "";
    return text
      .replace(/"(?:[^"\\]|\\.)*"/g, '""')
      .replace(/\/(?![/*\s])(?:[^/\\\n]|\\.)+\/[dgimsuvy]*(?=[.,;)\]])/g, "/-/")
      .replace(/\/\/.*$/, "");
  }

  /** Comment lines that end on the line above this one, joined. */
  commentAbove(line: number): string {
    const comment: string[] = [];
    for (let at = line - 1; at >= 1 && /^\s*(\/\/|\/\*|\*)/.test(this.lines[at - 1]); at--) {
      comment.unshift(this.lines[at - 1].trim());
    }
    return comment.join("\n");
  }

  /** Functions and methods, outermost only: what they contain belongs to them. */
  get functions(): SourceFunction[] {
    const found: SourceFunction[] = [];
    for (let line = 1; line <= this.lines.length; line++) {
      const match = FUNCTION_START.exec(this.lines[line - 1]);
      if (match === null || KEYWORD.test(match[2])) continue;
      const opening = this.#openingLine(line, match[1]);
      if (opening === 0) continue;
      const lastLine = this.#closingLine(opening, match[1]);
      const comment = this.commentAbove(line);
      found.push({ name: match[2], firstLine: line, lastLine, comment });
      line = lastLine;
    }
    return found;
  }

  /** The line whose end opens the body of the function that starts at `line`, or 0. */
  #openingLine(line: number, indent: string): number {
    if (/\{$/.test(this.lines[line - 1]))
      return /[)\w>\]|"}] \{$/.test(this.lines[line - 1]) ? line : 0;
    if (!/\($/.test(this.lines[line - 1])) return 0;
    for (let at = line + 1; at <= this.lines.length; at++) {
      const text = this.lines[at - 1];
      if (!text.startsWith(`${indent})`)) continue;
      return /\{$/.test(text) ? at : 0;
    }
    return 0;
  }

  #closingLine(opening: number, indent: string): number {
    for (let at = opening + 1; at <= this.lines.length; at++) {
      if (new RegExp(`^${indent}\\}`).test(this.lines[at - 1])) return at;
    }
    return this.lines.length;
  }
}

/** A function declaration, a method or accessor, or a constant that holds an arrow function. */
const FUNCTION_START = new RegExp(
  "^(\\s*)(?:export )?(?:default )?(?:private |public |protected )?(?:static )?(?:override )?" +
    "(?:async )?(?:get |set )?(?:function\\*? |const (?=\\w+ = (?:async )?\\())?\\*?(#?\\w+)" +
    "(?:<[^(]*>)?(?: = (?:async )?)?\\(",
);

const KEYWORD = /^(if|for|while|switch|catch|return|super|new|throw|await|else|do|function|of|in)$/;

/** Every TypeScript file below the folders named, in path order. */
export function readSources(project: string, ...folders: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    for (const entry of readdirSync(join(project, folder), { recursive: true })) {
      const path = join(project, folder, String(entry));
      if (!path.endsWith(".ts")) continue;
      const name = relative(project, path).replaceAll("\\", "/");
      files.push(new SourceFile(name, readFileSync(path, "utf8")));
    }
  }
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}
