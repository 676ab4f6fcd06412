import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  familiarName,
  familiarText,
  isRegistry,
  parseReference,
  referenceTarget,
  referenceText,
} from "./reference.ts";

const hex = "0123456789abcdef".repeat(4);
const digest = `sha256:${hex}`;

/** Most of these are of distribution/reference's own normalize_test.go. */
describe("a name", () => {
  test.each([
    ["alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"],
    ["library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["registry-1.docker.io/user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["docker.io/library/user/app", "docker.io/library/user/app:latest", "library/user/app:latest"],
    ["quay.io/org/app:v1", "quay.io/org/app:v1", "quay.io/org/app:v1"],
    ["ghcr.io/a/b/c/d", "ghcr.io/a/b/c/d:latest", "ghcr.io/a/b/c/d:latest"],
    ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
    ["localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"],
    ["127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:latest"],
    ["[::1]:5000/app:x", "[::1]:5000/app:x", "[::1]:5000/app:x"],
    ["Upper/app", "Upper/app:latest", "Upper/app:latest"],
    ["my_host/app", "docker.io/my_host/app:latest", "my_host/app:latest"],
    ["a__b/c-d.e---f:T_1.2-3", "docker.io/a__b/c-d.e---f:T_1.2-3", "a__b/c-d.e---f:T_1.2-3"],
    [`alpine@${digest}`, `docker.io/library/alpine@${digest}`, `alpine@${digest}`],
    [`alpine:3@${digest}`, `docker.io/library/alpine:3@${digest}`, `alpine:3@${digest}`],
    [hex.slice(1), `docker.io/library/${hex.slice(1)}:latest`, `${hex.slice(1)}:latest`],
  ])("%s is %s", (text, whole, familiar) => {
    const reference = parseReference(text);
    expect(referenceText(reference)).toBe(whole);
    expect(familiarText(reference)).toBe(familiar);
    expect(parseReference(whole)).toEqual(reference);
    expect(parseReference(familiar)).toEqual(reference);
  });

  test.each([
    ["", "nothing before its tag"],
    [":tag", "nothing before its tag"],
    ["Alpine", "upper-case letters"],
    ["docker.io/User/app", "upper-case letters"],
    [hex, "an id"],
    ["a//b", "a part of its name is empty"],
    ["a/", "a part of its name is empty"],
    ["a/.b", '".b" can\'t be in a name'],
    ["a___b", "can't be in a name"],
    ["a b", "can't be in a name"],
    ["../../etc/passwd", "is not a host"],
    ["https://quay.io/app", "is not a host"],
    ["-host.com/app", "is not a host"],
    ["host:port/app", "is not a host"],
    ["alpine:", "is not a tag"],
    ["alpine:.x", "is not a tag"],
    [`alpine:${"x".repeat(129)}`, "is not a tag"],
    ["alpine@sha256:12", "is not a digest"],
    ["alpine@latest", "is not a digest"],
    [`x/${"y".repeat(260)}`, "longer than 255"],
    ["app\n", "can't be in a name"],
    ["app?x=1", "can't be in a name"],
    ["app%2e", "can't be in a name"],
  ])("%j is refused", (text, why) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(why),
        details: { field: "name", hint: expect.any(String) },
      }),
    );
  });

  test("that is accepted is the same when written again, and safe in a URL", () => {
    const part = fc.stringMatching(/^[a-zA-Z0-9._:@/[\]-]{0,40}$/);
    fc.assert(
      fc.property(part, (text) => {
        let reference;
        try {
          reference = parseReference(text);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
          return;
        }
        expect(parseReference(referenceText(reference))).toEqual(reference);
        expect(parseReference(familiarText(reference))).toEqual(reference);
        const path = `/v2/${reference.repository}/manifests/${referenceTarget(reference)}`;
        expect(new URL(`https://${reference.registry}${path}`).pathname).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });
});

test("a digest is what is asked for, whatever the tag", () => {
  expect(referenceTarget(parseReference(`alpine:3@${digest}`))).toBe(digest);
  expect(referenceTarget(parseReference("alpine"))).toBe("latest");
  expect(familiarName({ registry: "docker.io", repository: "library/alpine" })).toBe("alpine");
});

test("hosts are told from other texts", () => {
  for (const host of ["docker.io", "localhost", "a.b:5000", "[::1]", "[fe80::1]:443"]) {
    expect(isRegistry(host)).toBe(true);
  }
  for (const text of [
    "",
    "a/b",
    "https://a",
    "a:b",
    "a..b",
    "-a",
    "a_b",
    "user@host",
    "a:123456",
  ]) {
    expect(isRegistry(text)).toBe(false);
  }
});
