import type { FileHandle } from "node:fs/promises";
import { AppError } from "#shared/errors";
import { openRegularFile } from "../base/regular-file.ts";
import { type Compression, mediaTypes } from "../content/oci.ts";
import type { LayerRequest } from "./layer-maker.ts";

/** First bytes of compressed files, and what undoes those that OCI does not know. */
const compressions: { magic: number[]; kept?: "gzip" | "zstd"; program: string }[] = [
  { magic: [0x1f, 0x8b], kept: "gzip", program: "gzip" },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], kept: "zstd", program: "zstd" },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], program: "xz" },
  { magic: [0x42, 0x5a, 0x68], program: "bzip2" },
];

/** Which of them a file is, from `offset` on; undefined for a plain one, or none. */
export async function compressionOf(
  file: FileHandle,
  offset = 0,
): Promise<(typeof compressions)[number] | undefined> {
  const head = Buffer.alloc(8);
  await file.read(head, 0, head.length, offset);
  return compressions.find(({ magic }) => magic.every((byte, at) => head[at] === byte));
}

/** A file of this machine. INVALID_ARGUMENT when it is something else. */
export function openFile(path: string): Promise<FileHandle> {
  return openRegularFile(path).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    throw AppError.wrap(error, `${path} can't be read`, { field: "path" });
  });
}

/**
 * How a layer is made of a tar in a file, or in a part of one: what registries take is kept as it is, what is plain or
 * otherwise compressed is made gzip.
 */
export async function layerOfFile(
  path: string,
  part?: { offset: number; length: number },
): Promise<{ request: LayerRequest; length: number }> {
  const file = await openFile(path);
  try {
    const length = part?.length ?? (await file.stat()).size;
    const offset = part?.offset ?? 0;
    const compression = await compressionOf(file, offset);
    const source = { type: "file", path, offset, length } as const;
    if (!compression) return { request: { source, ...packed }, length };
    if (compression.kept) {
      return { request: { source, compression: compression.kept }, length };
    }
    if (part) {
      throw new AppError(
        "UNIMPLEMENTED",
        `A layer in ${path} is compressed with ${compression.program}`,
      );
    }
    const argv = withManager([compression.program, "--decompress", "--stdout", "--", path]);
    return { request: { source: { type: "command", argv }, ...packed }, length };
  } finally {
    await file.close();
  }
}

/** For tars that are made here. */
export const packed = { compression: "gzip", pack: true } as const;

/** What a layer is called that was not given a type by whoever made it. */
export const layerTypes: Record<Compression, string> = {
  none: mediaTypes.layer,
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
};

/** argv of what ends with the thread that started it (prctl(2), PR_SET_PDEATHSIG). */
export const withManager = (argv: string[]): string[] => [
  ...["setpriv", "--pdeathsig", "KILL", "--"],
  ...argv,
];
