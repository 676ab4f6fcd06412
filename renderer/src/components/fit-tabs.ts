/**
 * Which of several tabs are shown in a row `available` px wide, as indices in their order: all where
 * all fit; else as many of the first as do beside a button of `button` px, and always the chosen one.
 */
export function fitTabs(row: {
  widths: readonly number[];
  available: number;
  button: number;
  chosen: number;
}): number[] {
  const { widths, available, button, chosen } = row;
  const all = widths.map((_, index) => index);
  const taken = (indices: readonly number[]): number =>
    indices.reduce((sum, index) => sum + (widths[index] ?? 0), 0);
  if (taken(all) <= available) return all;
  for (let first = widths.length - 1; first > 0; first -= 1) {
    const shown = all.filter((index) => index < first || index === chosen);
    if (shown.length < widths.length && taken(shown) + button <= available) return shown;
  }
  return [chosen];
}
