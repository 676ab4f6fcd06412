import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressProblem,
  chooseSubnet,
  chooseSubnet6,
  contains,
  firstAddress,
  formatAddress,
  formatSubnet,
  freeAddress,
  macOf,
  normalAddress,
  overlap,
  parseAddress,
  parseSubnet,
} from "./addresses.ts";

test("addresses are written as the kernel writes them", () => {
  for (const [text, normal] of [
    ["10.1.2.3", "10.1.2.3"],
    ["FD00:0:0:0:0:0:0:7", "fd00::7"],
    ["::", "::"],
    ["::1", "::1"],
    ["fd00::", "fd00::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
  ] as const) {
    expect(normalAddress(text)).toBe(normal);
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (address) => {
      expect(parseAddress(formatAddress(address, 6))).toBe(address);
    }),
  );
});

test("what is no address or subnet is refused", () => {
  for (const text of ["10.1.2", "10.1.2.256", "fd00:::1", "a", "1:2:3"]) {
    expect(() => parseAddress(text)).toThrow("no IP address");
  }
  for (const text of ["10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x"]) {
    expect(() => parseSubnet(text)).toThrow();
  }
});

describe("a subnet", () => {
  const subnet = parseSubnet("10.9.8.7/24");

  test("is its lowest address and a length", () => {
    expect(formatSubnet(subnet)).toBe("10.9.8.0/24");
    expect(firstAddress(subnet)).toBe("10.9.8.1");
    expect(contains(subnet, "10.9.8.255")).toBe(true);
    expect(contains(subnet, "10.9.9.0")).toBe(false);
    expect(contains(subnet, "fd00::1")).toBe(false);
  });

  test("overlaps what shares an address with it", () => {
    expect(overlap(subnet, parseSubnet("10.0.0.0/8"))).toBe(true);
    expect(overlap(parseSubnet("10.9.8.128/25"), subnet)).toBe(true);
    expect(overlap(subnet, parseSubnet("10.9.9.0/24"))).toBe(false);
    expect(overlap(subnet, parseSubnet("::/0"))).toBe(false);
  });

  test("gives its lowest free address, and none of those that mean the whole", () => {
    const small = parseSubnet("10.0.0.0/30");
    const taken = new Set(["10.0.0.1"]);
    expect(freeAddress(small, (address) => taken.has(address))).toBe("10.0.0.2");
    taken.add("10.0.0.2");
    expect(() => freeAddress(small, (address) => taken.has(address))).toThrow("is taken");
    expect(addressProblem(small, "10.0.0.0")).toContain("no machine's");
    expect(addressProblem(small, "10.0.0.3")).toContain("no machine's");
    expect(addressProblem(small, "10.0.0.4")).toContain("not in");
    expect(addressProblem(small, "10.0.0.2")).toBeUndefined();
  });

  test("is chosen beside those in use, elsewhere for another seed", () => {
    const first = chooseSubnet("a", []);
    const second = chooseSubnet("a", [first]);
    expect(overlap(first, second)).toBe(false);
    expect(formatSubnet(chooseSubnet("b", []))).not.toBe(formatSubnet(first));
    expect(() => chooseSubnet("a", [parseSubnet("0.0.0.0/0")])).toThrow("no subnet left");
    expect(formatSubnet(chooseSubnet6("a"))).toMatch(/^fd[0-9a-f:]+::\/64$/);
  });
});

test("a MAC address follows from an IPv4 address", () => {
  expect(macOf("10.9.8.255")).toBe("02:42:0a:09:08:ff");
});
