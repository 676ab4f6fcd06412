import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { AppError } from "#shared/errors";

/** Keeps a few short secrets of this user by name. */
export interface SecretStore {
  /** "keychain": encrypted with a key that the desktop's keychain holds. "file": readable to this user alone, not encrypted. */
  readonly kind: "keychain" | "file";
  get(name: string): Promise<string | undefined>;
  set(name: string, secret: string): Promise<void>;
  /** Idempotent. */
  delete(name: string): Promise<void>;
  /** The names that have a secret, sorted. */
  names(): Promise<string[]>;
}

const Contents = z.record(z.string(), z.string());

/** How a secret is written into the file and read from it. */
export interface Cipher {
  encrypt(secret: string): string;
  /** Throws when it was encrypted with another key. */
  decrypt(text: string): string;
}

/**
 * Secrets in one JSON file of mode 0600, as docker and podman keep theirs; with a cipher, what is in it is
 * encrypted. Written anew on each change, so that a crash leaves the old file or the new one.
 */
export class FileSecretStore implements SecretStore {
  readonly kind: SecretStore["kind"];
  readonly #path: string;
  readonly #cipher: Cipher | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string, cipher?: Cipher) {
    this.#path = path;
    this.#cipher = cipher;
    this.kind = cipher ? "keychain" : "file";
  }

  /** UNAUTHENTICATED when the keychain's key is another than it was written with. */
  async get(name: string): Promise<string | undefined> {
    const secrets = await this.#read();
    const text = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    if (text === undefined || !this.#cipher) return text;
    try {
      return this.#cipher.decrypt(text);
    } catch (error) {
      throw new AppError(
        "UNAUTHENTICATED",
        `The secret of ${name} can't be decrypted with this keychain`,
        { subject: name, hint: "Sign in again." },
        error,
      );
    }
  }

  set(name: string, secret: string): Promise<void> {
    return this.#change((secrets) => {
      secrets[name] = this.#cipher ? this.#cipher.encrypt(secret) : secret;
    });
  }

  delete(name: string): Promise<void> {
    return this.#change((secrets) => {
      delete secrets[name];
    });
  }

  async names(): Promise<string[]> {
    return Object.keys(await this.#read()).sort();
  }

  async #read(): Promise<z.infer<typeof Contents>> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw AppError.wrap(error, "The saved sign-ins can't be read");
    }
    try {
      return Contents.parse(JSON.parse(text));
    } catch (error) {
      throw new AppError(
        "DATA_LOSS",
        `The saved sign-ins in ${this.#path} can't be read`,
        { hint: `Remove ${this.#path}, and sign in again.` },
        error,
      );
    }
  }

  /** One change at a time: each reads what the one before has written. */
  #change(apply: (secrets: Record<string, string>) => void): Promise<void> {
    const done = this.#turn.then(async () => {
      const secrets = await this.#read();
      apply(secrets);
      await this.#write(secrets);
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #write(secrets: Record<string, string>): Promise<void> {
    const written = `${this.#path}.${randomUUID()}`;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      const file = await open(written, "wx", 0o600);
      try {
        await file.writeFile(JSON.stringify(secrets));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(written, this.#path);
    } catch (error) {
      await rm(written, { force: true });
      throw AppError.wrap(error, "The sign-in can't be saved");
    }
  }
}
