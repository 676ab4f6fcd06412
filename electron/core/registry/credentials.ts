import { z } from "zod";

/** What a registry is told of who asks. */
export const Credentials = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("password"), username: z.string(), password: z.string() }),
  /** A refresh token: the token server gives access tokens for it. */
  z.object({ kind: z.literal("identity-token"), token: z.string() }),
  /** Sent to the registry as it is. */
  z.object({ kind: z.literal("registry-token"), token: z.string() }),
]);
export type Credentials = z.infer<typeof Credentials>;
