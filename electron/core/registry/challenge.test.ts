import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChallenges } from "./challenge.ts";

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"',
    [
      {
        scheme: "bearer",
        parameters: {
          ...{ realm: "https://auth.docker.io/token", service: "registry.docker.io" },
          scope: "repository:library/alpine:pull",
        },
      },
    ],
  ],
  [
    'Bearer realm="https://a/t", scope="repository:x:pull,push", Basic realm="a \\"b\\", c"',
    [
      { scheme: "bearer", parameters: { realm: "https://a/t", scope: "repository:x:pull,push" } },
      { scheme: "basic", parameters: { realm: 'a "b", c' } },
    ],
  ],
  [
    "Negotiate YIIabc==, BASIC Realm = x",
    [
      { scheme: "negotiate", parameters: {} },
      { scheme: "basic", parameters: { realm: "x" } },
    ],
  ],
  ["Basic", [{ scheme: "basic", parameters: {} }]],
  [
    "Basic,Negotiate",
    [
      { scheme: "basic", parameters: {} },
      { scheme: "negotiate", parameters: {} },
    ],
  ],
  ['Bearer realm="open', [{ scheme: "bearer", parameters: {} }]],
  ["", []],
  [" , ,", []],
  ['"x"', []],
])("%j", (header, expected) => {
  expect(parseChallenges(header)).toEqual(expected);
});

test("nothing that a server may send throws or hangs", () => {
  fc.assert(fc.property(fc.string(), (header) => void parseChallenges(header)));
  parseChallenges(`Basic ${"a=,".repeat(20_000)}`);
  parseChallenges("a".repeat(60_000));
});
