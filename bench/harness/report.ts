// Results: a Markdown table on the screen, ready to be copied, and JSON in a file when asked for.

import { cpus } from "node:os";
import type { CommonOptions } from "./options.ts";

/** One row: its cells by column title. */
export type Row = Readonly<Record<string, string | number>>;

/** The middle value, or the mean of the two in the middle; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >>> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** A number with a fixed count of decimals, or a dash where there is none. */
export function rounded(value: number | undefined, decimals: number): string {
  if (value === undefined || !Number.isFinite(value)) return "-";
  return value.toFixed(decimals);
}

export function megabytes(bytes: number): string {
  return rounded(bytes / 1e6, 1);
}

/** "4 x AMD EPYC, linux" */
export function machine(): string {
  const processors = cpus();
  return `${processors.length} x ${processors[0]?.model.trim() ?? "?"}, ${process.platform}`;
}

/** Prints a title with the day and machine, and a Markdown table; saves the rows with --json. */
export async function report(
  title: string,
  rows: readonly Row[],
  options: CommonOptions,
): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  console.log(`\n${title} (${day}, ${machine()})\n`);
  console.log(markdownTable(rows));
  if (options.json === undefined) return;
  const content = { title, day, machine: machine(), bun: Bun.version, rows };
  await Bun.write(options.json, `${JSON.stringify(content, undefined, 1)}\n`);
}

/** A Markdown table whose columns are those of the first row. */
export function markdownTable(rows: readonly Row[]): string {
  if (rows.length === 0) return "(no results)";
  const titles = Object.keys(rows[0]);
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const rule = titles.map((_, k) => (k === 0 ? "---" : "---:"));
  return [
    line(titles),
    line(rule),
    ...rows.map((row) => line(titles.map((title) => row[title] ?? "-"))),
  ].join("\n");
}
