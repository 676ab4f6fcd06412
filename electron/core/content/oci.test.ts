import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "#shared/errors";
import { digestOf } from "./digest.ts";
import {
  type Descriptor,
  layerCompression,
  mediaTypes,
  parseConfig,
  parseDocument,
  requireImage,
} from "./oci.ts";

const digest = digestOf(Buffer.from("x"));
const of = (mediaType: string): Descriptor => ({ mediaType, digest, size: 1 });
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const manifest = {
  schemaVersion: 2 as const,
  config: of(mediaTypes.config),
  layers: [of(mediaTypes.layerGzip)],
};
const index = { schemaVersion: 2 as const, manifests: [of(mediaTypes.manifest)] };

describe("a document", () => {
  test("is known by its own type, the registry's or its form", () => {
    const own = { ...manifest, mediaType: mediaTypes.dockerManifest };
    expect(parseDocument(json(own))).toMatchObject({
      ...{ kind: "manifest", mediaType: mediaTypes.dockerManifest },
    });
    expect(parseDocument(json(manifest), `${mediaTypes.manifest}; charset=utf-8`)).toMatchObject({
      ...{ kind: "manifest", mediaType: mediaTypes.manifest },
    });
    expect(parseDocument(json(index), "application/json")).toMatchObject({
      ...{ kind: "index", mediaType: mediaTypes.index },
    });
  });

  test("keeps what it has besides", () => {
    const more = { ...manifest, annotations: { a: "b" }, "com.example": { c: 1 } };
    const document = parseDocument(json(more));
    expect(document.kind === "manifest" && document.manifest).toEqual(more);
  });

  test.each([
    ["both at once", { ...manifest, ...index }, undefined],
    ["an index that is called a manifest", index, mediaTypes.manifest],
    [
      "a manifest that calls itself an index",
      { ...manifest, mediaType: mediaTypes.index },
      undefined,
    ],
    [
      "a digest that is a path",
      { ...manifest, config: { ...of("x"), digest: "sha256:../x" } },
      undefined,
    ],
    ["a negative size", { ...manifest, config: { ...of("x"), size: -1 } }, undefined],
    ["no object", [], undefined],
  ])("is refused: %s", (_, value, mediaType) => {
    expect(() => parseDocument(json(value), mediaType)).toThrow(
      expect.objectContaining({ code: "DATA_LOSS" }),
    );
  });

  test("that is no JSON says so with its beginning", () => {
    expect(() => parseDocument(Buffer.from("<html>"))).toThrow(
      expect.objectContaining({
        code: "DATA_LOSS",
        details: { output: expect.stringContaining("<html>") },
      }),
    );
  });

  test("of whatever form is read or refused with a code", () => {
    const part = fc.oneof(fc.jsonValue(), fc.constant(of("x")), fc.constant([of("x")]));
    const keys = ["schemaVersion", "mediaType", "config", "layers", "manifests", "annotations"];
    const some = fc.dictionary(fc.constantFrom(...keys), part);
    fc.assert(
      fc.property(fc.oneof(some, fc.jsonValue()), fc.option(fc.string()), (value, mediaType) => {
        try {
          parseDocument(json({ schemaVersion: 2, ...(value as object) }), mediaType ?? undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
    );
  });

  test.each([
    [{ schemaVersion: 1, fsLayers: [] }, undefined],
    [{ schemaVersion: 1 }, "application/vnd.docker.distribution.manifest.v1+prettyjws"],
  ])("of Docker's schema 1 is refused with a reason", (value, mediaType) => {
    expect(() => parseDocument(json(value), mediaType)).toThrow(
      expect.objectContaining({
        code: "UNIMPLEMENTED",
        message: expect.stringContaining("schema 1"),
      }),
    );
  });
});

test("what is no image is refused by its name", () => {
  requireImage(manifest);
  const chart = { ...manifest, config: of("application/vnd.cncf.helm.config.v1+json") };
  expect(() => requireImage(chart)).toThrow("application/vnd.cncf.helm.config.v1+json");
  expect(() => requireImage({ ...manifest, artifactType: "application/x" })).toThrow(
    "not a container image but a application/x",
  );
});

test("a config may have null where Go writes it", () => {
  const config = {
    ...{ architecture: "amd64", os: "linux", history: null },
    config: { Cmd: null, Labels: null, Volumes: { "/data": {} } },
    rootfs: { type: "layers", diff_ids: [digest] },
  };
  expect(parseConfig(json(config))).toEqual(config);
  expect(() => parseConfig(json({ ...config, rootfs: {} }))).toThrow("config can't be read");
});

describe("a layer", () => {
  test.each([
    [mediaTypes.layer, "none"],
    [mediaTypes.layerGzip, "gzip"],
    [mediaTypes.layerZstd, "zstd"],
    [mediaTypes.dockerLayer, "none"],
    [mediaTypes.dockerLayerGzip, "gzip"],
    [mediaTypes.dockerLayerZstd, "zstd"],
  ])("of %s is compressed with %s", (mediaType, compression) => {
    expect(layerCompression(of(mediaType))).toBe(compression);
  });

  test.each([
    ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "FAILED_PRECONDITION", "foreign"],
    [
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "FAILED_PRECONDITION",
      "foreign",
    ],
    ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "FAILED_PRECONDITION", "encrypted"],
    ["application/vnd.oci.image.layer.v1.tar+lz4", "UNIMPLEMENTED", "lz4"],
  ])("of %s is refused", (mediaType, code, word) => {
    expect(() => layerCompression(of(mediaType))).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(word),
        details: expect.objectContaining({ subject: `layer ${digest}` }),
      }),
    );
  });
});
