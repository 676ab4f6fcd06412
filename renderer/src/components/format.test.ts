import { describe, expect, it } from "vitest";
import {
  bytes,
  cpu,
  duration,
  exactDuration,
  joined,
  moment,
  plural,
  rate,
  shortId,
} from "./format.ts";

const MiB = 1024 ** 2;
const hour = 3_600_000;

describe("numbers", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 KiB"],
    [1.26 * 1024 * MiB, "1.3 GiB"],
    [506 * MiB, "506 MiB"],
    [9.96 * MiB, "10 MiB"],
    [999.6 * MiB, "1.0 GiB"],
  ])("writes %d bytes as %s", (count, text) => {
    expect(joined(bytes(count))).toBe(text);
  });

  it("writes CPUs as a share of one", () => {
    expect(joined(cpu(0.0214))).toBe("2.1 %");
    expect(joined(cpu(0))).toBe("0.0 %");
    expect(joined(cpu(1.404))).toBe("140 %");
    expect(joined(cpu(-0.1))).toBe("0.0 %");
  });

  it("writes rates and counts", () => {
    expect(joined(rate(2 * MiB))).toBe("2.0 MiB/s");
    expect(plural(1, "container")).toBe("1 container");
    expect(plural(1204, "container")).toBe("1,204 containers");
  });
});

describe("times", () => {
  it.each([
    [999, "0 s"],
    [41_000, "41 s"],
    [5 * 60_000 + 59_000, "5 min"],
    [3 * hour, "3 h"],
    [19 * 24 * hour, "19 d"],
    [800 * 24 * hour, "2 y"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it("is exact with two units", () => {
    expect(exactDuration(431)).toBe("431 ms");
    expect(exactDuration(999.9)).toBe("999 ms");
    expect(exactDuration(-30)).toBe("0 ms");
    expect(exactDuration(3 * 24 * hour + 4 * hour + 5)).toBe("3 d 4 h");
    expect(exactDuration(2 * hour)).toBe("2 h");
  });

  it("tells a moment from now", () => {
    const now = new Date(2026, 10, 22, 14, 30).getTime();
    expect(moment(new Date(2026, 10, 22, 9, 5).getTime(), now)).toBe("09:05");
    expect(moment(new Date(2026, 10, 21, 9, 5).getTime(), now)).toBe("yesterday 09:05");
    expect(moment(new Date(2026, 9, 3, 9, 5).getTime(), now)).toBe("3 Oct 09:05");
    expect(moment(new Date(2025, 9, 3, 9, 5).getTime(), now)).toBe("3 Oct 2025 09:05");
  });
});

it("shortens only ids that are hexadecimal", () => {
  expect(shortId("78dde6c478dde6c478dd")).toBe("78dde6c478dd");
  expect(shortId("a-name-that-is-long")).toBe("a-name-that-is-long");
});
