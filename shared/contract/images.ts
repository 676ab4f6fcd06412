import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { ById, delta, Id, Nothing, Time } from "./common.ts";

export const ImageConfig = z.object({
  args: z.array(z.string()),
  env: z.array(z.string()),
  cwd: z.string(),
  user: z.string(),
});
export type ImageConfig = z.infer<typeof ImageConfig>;

export const Image = z.object({
  id: Id,
  /** `busybox:host`; unique. */
  name: z.string(),
  createdAt: Time,
  /** Bytes on disk. */
  size: z.number(),
  files: z.number(),
  source: z.enum(["starter", "tar", "directory"]),
  /** Where it came from, as a path on this machine. */
  origin: z.string(),
  config: ImageConfig,
  /** Ids of the containers made from it. */
  usedBy: z.array(z.string()),
});
export type Image = z.infer<typeof Image>;

const Name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._/-]{0,200}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/,
    "Write name or name:tag, in lower case",
  );

export const images = {
  watch: stream(Nothing, delta(Image)),
  get: query(ById, Image),
  /** Makes or repairs the starter image from the host's static busybox. */
  ensureStarter: mutation(Nothing, Image),
  /** A root file system tar (plain, gzip, xz or zstd) at an absolute path of this machine. */
  importTar: mutation(
    z.object({
      path: z.string().startsWith("/"),
      name: Name,
      config: ImageConfig.partial().optional(),
    }),
    Image,
  ),
  /** Copies a directory of this machine that holds a root file system. */
  importDirectory: mutation(
    z.object({
      path: z.string().startsWith("/"),
      name: Name,
      config: ImageConfig.partial().optional(),
    }),
    Image,
  ),
  rename: mutation(z.object({ id: Id, name: Name }), Nothing),
  /** Fails with FAILED_PRECONDITION, naming them, while containers use it. */
  delete: mutation(ById, Nothing),
};
