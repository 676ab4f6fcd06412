/** The value below which `share` (0..1) of the samples lie, by the nearest rank; the samples may be in any order. */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new Error("A percentile of no samples");
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

/** Rounded to `digits` decimals, as a number. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
