import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { delta, ErrorInfoSchema, Nothing } from "./common.ts";

/** `docker.io`, `quay.io`, `127.0.0.1:5000`. */
const Host = z
  .string()
  .max(260)
  .regex(/^[a-z0-9.[\]:-]+$/i, "Write a host, with its port where it has one");

export const RegistrySettings = z.object({
  /** Asked before the registry itself, in this order. */
  mirrors: z.array(Host).max(16),
  /** Plain HTTP, or TLS without looking at the certificate. Loopback needs no leave for plain HTTP. */
  insecure: z.boolean(),
  /** Path of a file of certificates (PEM) to trust besides the system's. */
  ca: z.string().startsWith("/").max(4096).optional(),
});
export type RegistrySettings = z.infer<typeof RegistrySettings>;

export const Registry = RegistrySettings.extend({
  /** Its host. */
  id: z.string(),
  /** It was added or changed here; else it is known from an image or from docker's and podman's files. */
  own: z.boolean(),
  /** As whom pulls and pushes are made; absent: as nobody. */
  user: z.string().optional(),
  /**
   * Where these credentials lie: in the system's keychain, in a file of ours that only this user can read (there is no
   * keychain), in docker's or podman's auth file, or with a credential helper.
   */
  credentials: z.enum(["keychain", "file", "auth-file", "helper"]).optional(),
});
export type Registry = z.infer<typeof Registry>;

export const registries = {
  watch: stream(Nothing, delta(Registry)),
  put: mutation(RegistrySettings.extend({ host: Host }), Nothing),
  /** Forgets settings and credentials of ours. */
  remove: mutation(z.object({ host: Host }), Nothing),
  /** Whether it answers, and to whom. */
  test: query(
    z.object({ host: Host }),
    z.object({
      ok: z.boolean(),
      /** It lets nobody in without credentials. */
      needsSignIn: z.boolean(),
      user: z.string().optional(),
      error: ErrorInfoSchema.optional(),
    }),
  ),
  /** Tries them first: UNAUTHENTICATED, and nothing is kept, when the registry refuses them. */
  signIn: mutation(
    z.object({
      host: Host,
      user: z.string().min(1).max(256),
      password: z.string().min(1).max(65536),
    }),
    Nothing,
  ),
  signOut: mutation(z.object({ host: Host }), Nothing),
};
