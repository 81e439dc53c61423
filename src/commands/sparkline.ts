// Bar graphs in plain characters, as LATENCY GRAPH draws them:
//
//      #       one column per value, four rows high, three heights per row;
//     _|o      below, after an empty row, each value's label from top to bottom
//     |||
//
//     121
//     sss

const ROWS = 4;
/** The top of a column by how much of its row it fills. */
const TOPS = ["_", "o", "#"];
const BODY = "|";

/** Draws values with their labels, `columns` side by side, further ones in graphs below. */
export function sparkline(
  values: readonly number[],
  labels: readonly string[],
  columns: number,
): string {
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  let text = "";
  for (let start = 0; start < values.length; start += columns) {
    if (start > 0) text += "\n";
    const heights = values
      .slice(start, start + columns)
      .map((value) => heightOf(value - low, range));
    text += bars(heights) + labelRows(labels.slice(start, start + columns));
  }
  return text;
}

function heightOf(value: number, range: number): number {
  const steps = ROWS * TOPS.length;
  return Math.min(steps - 1, Math.floor((value * steps) / range));
}

function bars(heights: readonly number[]): string {
  let text = "";
  for (let row = ROWS - 1; row >= 0; row--) {
    for (const height of heights) {
      const rest = height - row * TOPS.length;
      text += rest < 0 ? " " : rest < TOPS.length ? TOPS[rest] : BODY;
    }
    text += "\n";
  }
  return text;
}

function labelRows(labels: readonly string[]): string {
  const depth = Math.max(...labels.map((label) => label.length));
  let text = `${" ".repeat(labels.length)}\n`;
  for (let row = 0; row < depth; row++) {
    for (const label of labels) text += label[row] ?? " ";
    text += "\n";
  }
  return text;
}
