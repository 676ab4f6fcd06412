import { describe, expect, it } from "vitest";
import { limitFields, parseLimits, parseMemory } from "./limit-fields.ts";

describe("parseMemory", () => {
  it("reads sizes with binary units, MiB when there is none", () => {
    expect(parseMemory("512 MiB")).toBe(512 * 1024 ** 2);
    expect(parseMemory("1.5g")).toBe(1.5 * 1024 ** 3);
    expect(parseMemory("64")).toBe(64 * 1024 ** 2);
    expect(parseMemory("7000000B")).toBe(7_000_000);
    for (const wrong of ["", "much", "-1m", "1 XB", "1 2"])
      expect(parseMemory(wrong)).toBeUndefined();
  });
});

describe("parseLimits", () => {
  it("gives back what it was shown", () => {
    const limits = { memory: 768 * 1024 ** 2, cpus: 1.5, pids: 200 };
    expect(limitFields(limits)).toEqual({ memory: "768 MiB", cpus: "1.5", pids: "200" });
    expect(parseLimits(limitFields(limits)).limits).toEqual(limits);
    expect(parseLimits(limitFields({ memory: 7_000_001 })).limits).toEqual({ memory: 7_000_001 });
  });

  it("lifts what is empty and says what is wrong", () => {
    expect(parseLimits({ memory: "", cpus: " ", pids: "" })).toEqual({ limits: {}, errors: {} });
    const { limits, errors } = parseLimits({ memory: "1 MiB", cpus: "x", pids: "1.5" });
    expect(limits).toBeUndefined();
    expect(Object.keys(errors)).toEqual(["memory", "cpus", "pids"]);
  });
});
