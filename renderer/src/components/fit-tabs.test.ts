import fc from "fast-check";
import { expect, test } from "vitest";
import { fitTabs } from "./fit-tabs.ts";

const row = { widths: [50, 30, 60, 40], button: 20, chosen: 0 };

test("all, where all fit", () => {
  expect(fitTabs({ ...row, available: 180 })).toEqual([0, 1, 2, 3]);
});

test("the first ones and the button, where not", () => {
  expect(fitTabs({ ...row, available: 179 })).toEqual([0, 1, 2]);
  expect(fitTabs({ ...row, available: 159 })).toEqual([0, 1]);
});

test("the chosen one takes the place of others", () => {
  expect(fitTabs({ ...row, available: 159, chosen: 3 })).toEqual([0, 1, 3]);
  expect(fitTabs({ ...row, available: 110, chosen: 3 })).toEqual([0, 3]);
  expect(fitTabs({ ...row, available: 10, chosen: 3 })).toEqual([3]);
});

test("what is shown is in order, has the chosen one, and fits unless it is that alone", () => {
  const width = fc.integer({ min: 20, max: 120 });
  fc.assert(
    fc.property(
      fc.array(width, { minLength: 1, maxLength: 10 }),
      fc.integer({ min: 0, max: 900 }),
      fc.nat(),
      (widths, available, seed) => {
        const chosen = seed % widths.length;
        const shown = fitTabs({ widths, available, button: 42, chosen });
        expect(shown).toContain(chosen);
        expect(shown).toEqual([...shown].sort((a, b) => a - b));
        const button = shown.length < widths.length ? 42 : 0;
        const taken = shown.reduce((sum, index) => sum + (widths[index] ?? 0), button);
        expect(shown.length === 1 || taken <= available).toBe(true);
      },
    ),
  );
});
