import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { type Index, mediaTypes } from "./oci.ts";
import {
  choosePlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformManifests,
  platformText,
} from "./platform.ts";

/** An index of these platforms; each manifest's digest is of its platform's text. */
const indexOf = (...platforms: string[]): Index => ({
  schemaVersion: 2,
  manifests: platforms.map((text) => {
    const [os = "", architecture = "", variant] = text.split("/");
    return {
      ...{ mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from(text)), size: 1 },
      platform: { os, architecture, variant },
    };
  }),
});

const choose = (index: Index, wanted: string): string | undefined => {
  const { digest } = choosePlatform(index, parsePlatform(wanted));
  return index.manifests.findIndex((one) => one.digest === digest).toString();
};

test.each([
  ["its own", ["linux/arm64", "linux/amd64"], "linux/amd64", 1],
  ["its own variant", ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v6", 2],
  ["the newest that runs", ["linux/arm/v5", "linux/arm/v6", "linux/arm64"], "linux/arm/v7", 1],
  ["arm without a variant as v7", ["linux/arm/v6", "linux/arm"], "linux/arm", 1],
  ["arm64/v8 as arm64", ["linux/arm64/v8"], "linux/arm64", 0],
  ["the plain one for a newer CPU", ["linux/amd64", "linux/amd64/v4"], "linux/amd64/v3", 0],
  ["the baseline and none above", ["linux/amd64/v2", "linux/amd64"], "linux/amd64", 1],
  ["other words for it", ["linux/x86_64"], "linux/amd64", 0],
])("chosen is %s", (_, offered, wanted, expected) => {
  expect(choose(indexOf(...offered), wanted)).toBe(String(expected));
});

test("what does not run here is not chosen in silence, and what there is is said", () => {
  const index = indexOf("linux/arm64/v8", "linux/arm/v6", "windows/amd64", "unknown/unknown");
  expect(() => choosePlatform(index, parsePlatform("linux/amd64"))).toThrow(
    expect.objectContaining({
      code: "NOT_FOUND",
      message: "The image does not come for linux/amd64",
      details: { hint: "Choose one of: linux/arm64, linux/arm/v6, windows/amd64." },
    }),
  );
  expect(() => choosePlatform(indexOf("linux/arm/v7"), parsePlatform("linux/arm/v6"))).toThrow(
    "linux/arm/v6",
  );
  expect(platformManifests(index)).toHaveLength(3);
});

test("the only one that does not say what it is for is chosen when no other runs here", () => {
  const index = indexOf("linux/arm64", "unknown/unknown");
  const silent = { mediaType: mediaTypes.index, digest: digestOf(Buffer.from("silent")), size: 1 };
  const chosen = (...more: Index["manifests"]): string | undefined =>
    choose({ ...index, manifests: [...index.manifests, ...more] }, "linux/amd64");
  expect(chosen(silent)).toBe("2");
  const signature = {
    ...{ mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from("signature")), size: 1 },
    artifactType: "application/x",
  };
  expect(chosen(signature, silent)).toBe("3");
  expect(() => chosen(signature)).toThrow("does not come for linux/amd64");
  expect(() => chosen(silent, { ...silent, mediaType: mediaTypes.manifest })).toThrow(
    "does not come for linux/amd64",
  );
});

test("platforms are written in one way", () => {
  expect(platformText(parsePlatform("Linux/AARCH64/v8"))).toBe("linux/arm64");
  expect(platformText(parsePlatform("linux/armhf"))).toBe("linux/arm/v7");
  expect(platformText(normalizePlatform({ os: "linux", architecture: "arm", variant: "6" }))).toBe(
    "linux/arm/v6",
  );
  for (const text of ["linux", "linux/", "a/b/c/d", "linux/am d64"]) {
    expect(() => parsePlatform(text)).toThrow("is not a platform");
  }
  expect(hostPlatform()).toEqual(parsePlatform(platformText(hostPlatform())));
});
