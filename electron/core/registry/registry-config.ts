import { z } from "zod";
import { isRegistry } from "./reference.ts";

/** How a host is spoken to. */
export const Security = z.enum([
  /** TLS with a certificate that is verified. */
  "tls",
  /** TLS with any certificate: whoever is on the way can read and change what passes. */
  "unverified-tls",
  /** No TLS. */
  "plain-http",
  /** TLS with any certificate where it speaks TLS, else none: what others call insecure. */
  "insecure",
]);
export type Security = z.infer<typeof Security>;

const hostFields = {
  /** `registry.example.com:5000`. */
  host: z.string().refine(isRegistry, "Write a host, or host:port"),
  /** Not set: TLS, and for a loopback host plain HTTP when it does not speak TLS. */
  security: Security.optional(),
  /** A PEM file of this machine whose certificates are trusted besides the system's. */
  caFile: z.string().startsWith("/").optional(),
};

/** One registry's settings, kept by its name as references have it (`docker.io`, not where that is served). */
export const RegistryConfig = z.object({
  ...hostFields,
  /** Asked in this order before the registry itself, for pulling alone. */
  mirrors: z.array(z.object(hostFields)).default([]),
});
export type RegistryConfig = z.infer<typeof RegistryConfig>;
export type HostConfig = Omit<RegistryConfig, "mirrors">;

/** Where a registry is served: docker.io is only a name. */
export const servedBy = (registry: string): string =>
  registry === "docker.io" ? "registry-1.docker.io" : registry;

/** Traffic to this machine may go without TLS. */
export { isLoopback } from "#shared/base/loopback";
