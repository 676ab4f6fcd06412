import { expect, test } from "vitest";
import { ContainerName } from "../contract/containers.ts";
import { nameProblem, suggestName } from "./names.ts";

test.each(["", " ", "-a", "a b", "a/b", "ä", "a\n", "a".repeat(129), "a", "A.b_c-1", "9"])(
  "the reason for %j agrees with the contract",
  (name) => {
    expect(nameProblem(name) === undefined).toBe(ContainerName.safeParse(name).success);
  },
);

test("a suggestion is usable and free, even when all pairs are taken", () => {
  const taken = new Set<string>();
  for (let i = 0; i < 3000; i += 1) {
    const name = suggestName((name) => taken.has(name));
    expect(nameProblem(name)).toBeUndefined();
    expect(taken.has(name)).toBe(false);
    taken.add(name);
  }
});
