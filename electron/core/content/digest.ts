import { createHash, type Hash } from "node:crypto";
import { z } from "zod";
import { AppError } from "#shared/errors";

/** The two that OCI registers; we write sha256 alone. Hexadecimal digits of each. */
const lengths = { sha256: 64, sha512: 128 } as const;
type Algorithm = keyof typeof lengths;

/** `sha256:HEX` (or sha512), in lower case: safe as a part of a path and of a URL. */
export const Digest = z
  .string()
  .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, "Write sha256: and 64 hexadecimal digits");
export type Digest = z.infer<typeof Digest>;

/** Its two halves. INVALID_ARGUMENT for anything but a whole digest, so that none is ever a path of its own. */
export function splitDigest(digest: string): { algorithm: Algorithm; hex: string } {
  const [algorithm = "", hex = ""] = digest.split(":");
  if (!Digest.safeParse(digest).success) {
    const known = Object.keys(lengths).join(" and ");
    throw new AppError("INVALID_ARGUMENT", `"${digest.slice(0, 150)}" is not a digest`, {
      hint: `Digests are ${known}, a colon and all their hexadecimal digits.`,
    });
  }
  return { algorithm: algorithm as Algorithm, hex };
}

/** A hash that says its digest at the end, in the algorithm of `like` (default sha256). */
export class Hasher {
  readonly #algorithm: Algorithm;
  readonly #hash: Hash;

  constructor(like?: Digest) {
    this.#algorithm = like === undefined ? "sha256" : splitDigest(like).algorithm;
    this.#hash = createHash(this.#algorithm);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Once, at the end. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest("hex")}`;
  }
}

/** The digest of these bytes, in the algorithm of `like` (default sha256). */
export function digestOf(bytes: Uint8Array, like?: Digest): Digest {
  const hasher = new Hasher(like);
  hasher.update(bytes);
  return hasher.digest();
}
