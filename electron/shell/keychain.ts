import { type Paths, signInsFile } from "#core/host/paths";
import { type Cipher, FileSecretStore, type SecretStore } from "#core/registry/secret-store";
import { app, safeStorage } from "electron";

/**
 * Secrets encrypted with a key that the desktop's keychain holds (GNOME's, KDE's, Windows' or macOS's); where there
 * is none, as for root or without a desktop, in a file for this user alone, and `kind` says so. Chromium knows
 * which when the app is ready, so every use waits for that.
 */
export class KeychainSecretStore implements SecretStore {
  readonly #file: FileSecretStore;
  readonly #keychain: FileSecretStore;

  constructor(paths: Paths) {
    this.#file = new FileSecretStore(signInsFile(paths, "file"));
    this.#keychain = new FileSecretStore(signInsFile(paths, "keychain"), cipher);
  }

  get kind(): SecretStore["kind"] {
    return this.#store().kind;
  }

  async get(name: string): Promise<string | undefined> {
    return (await this.#ready()).get(name);
  }

  async set(name: string, secret: string): Promise<void> {
    await (await this.#ready()).set(name, secret);
  }

  async delete(name: string): Promise<void> {
    await (await this.#ready()).delete(name);
  }

  async names(): Promise<string[]> {
    return (await this.#ready()).names();
  }

  async #ready(): Promise<SecretStore> {
    await app.whenReady();
    return this.#store();
  }

  #store(): FileSecretStore {
    return hasKeychain() ? this.#keychain : this.#file;
  }
}

/** Without a keychain Chromium on Linux "encrypts" with a key that is in its source: better to say that it is a file. */
function hasKeychain(): boolean {
  if (!safeStorage.isEncryptionAvailable()) return false;
  return (
    process.platform !== "linux" ||
    !["basic_text", "unknown"].includes(safeStorage.getSelectedStorageBackend())
  );
}

const cipher: Cipher = {
  encrypt: (secret) => safeStorage.encryptString(secret).toString("base64"),
  decrypt: (text) => safeStorage.decryptString(Buffer.from(text, "base64")),
};
