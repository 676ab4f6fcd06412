import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CredentialStore } from "./credential-store.ts";
import { FileSecretStore } from "./secret-store.ts";

let home: string;
let store: CredentialStore;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "shimyard-credentials-"));
  store = new CredentialStore({
    secrets: new FileSecretStore(join(home, "own/secrets.json")),
    env: { PATH: `${join(home, "bin")}:${process.env.PATH}`, XDG_RUNTIME_DIR: join(home, "run") },
    home,
  });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const docker = ".docker/config.json";
const podman = "run/containers/auth.json";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

async function put(name: string, contents: unknown): Promise<void> {
  const path = join(home, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof contents === "string" ? contents : JSON.stringify(contents));
}

/** A credential helper that runs this shell script. */
async function helper(name: string, script: string): Promise<void> {
  await put(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  await chmod(join(home, `bin/docker-credential-${name}`), 0o755);
}

const user = (username: string, password: string) => ({ kind: "password", username, password });

describe("docker's and podman's files", () => {
  test("without any there is nothing, and nothing is wrong", async () => {
    expect(await store.find("docker.io")).toEqual({ problems: [] });
    expect(await store.list()).toEqual({ signIns: [], problems: [] });
  });

  test("are read in podman's order", async () => {
    await put(docker, { auths: { "quay.io": { auth: base64("docker:x:y") } } });
    expect(await store.find("quay.io")).toMatchObject({ credentials: user("docker", "x:y") });
    await put(podman, { auths: { "quay.io": { auth: base64("podman:z\0\0") } } });
    expect(await store.find("quay.io")).toEqual({
      ...{ credentials: user("podman", "z"), source: join(home, podman), problems: [] },
    });
  });

  test("know Docker Hub by its old names", async () => {
    for (const key of ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"]) {
      await put(docker, { auths: { [key]: { username: "u", password: "p" } } });
      expect((await store.find("docker.io", "library/alpine")).credentials).toEqual(user("u", "p"));
    }
  });

  test("may have an entry for one repository, which goes before the registry's", async () => {
    await put(podman, {
      auths: {
        "quay.io": { auth: base64("all:1") },
        "quay.io/org": { auth: base64("org:2") },
        "quay.io/org/app": { auth: base64("app:3") },
      },
    });
    const who = async (repository?: string) =>
      (await store.find("quay.io", repository)).credentials;
    expect(await who("org/app")).toEqual(user("app", "3"));
    expect(await who("org/other")).toEqual(user("org", "2"));
    expect(await who("organic/app")).toEqual(user("all", "1"));
    expect(await who()).toEqual(user("all", "1"));
  });

  test("may hold tokens", async () => {
    await put(docker, {
      auths: {
        "a.io": { auth: base64("00000000-0000-0000-0000-000000000000:"), identitytoken: "refresh" },
        "b.io": { registrytoken: "ready" },
      },
    });
    const a = { kind: "identity-token", token: "refresh" };
    expect((await store.find("a.io")).credentials).toEqual(a);
    expect((await store.find("b.io")).credentials).toEqual({
      ...{ kind: "registry-token", token: "ready" },
    });
  });

  test("that are damaged are a problem to be told, not in the way, and not quoted", async () => {
    await put(podman, '{"auths": {"quay.io": {"auth": "c2VjcmV0"');
    await put(docker, { auths: { "quay.io": { auth: base64("u:p") } } });
    const found = await store.find("quay.io");
    expect(found.credentials).toEqual(user("u", "p"));
    expect(found.problems).toMatchObject([{ code: "DATA_LOSS" }]);
    expect(found.problems[0]?.message).toContain(podman);
    expect(JSON.stringify(found.problems)).not.toContain("c2VjcmV0");
  });
});

describe("credential helpers", () => {
  const answer = `cat > "$(dirname "$0")/asked"; echo '{"ServerURL":"x","Username":"u","Secret":"s"}'`;
  const asked = () => readFile(join(home, "bin/asked"), "utf8");

  test("are asked with the name that they know", async () => {
    await helper("one", answer);
    await put(docker, { credsStore: "one", auths: { "https://index.docker.io/v1/": {} } });
    expect((await store.find("docker.io")).credentials).toEqual(user("u", "s"));
    expect(await asked()).toBe("https://index.docker.io/v1/");
    expect((await store.find("quay.io")).credentials).toEqual(user("u", "s"));
    expect(await asked()).toBe("quay.io");
  });

  test("of one registry go before the common one", async () => {
    await helper("one", "exit 9");
    await helper("two", `echo '{"Username":"<token>","Secret":"t"}'`);
    await put(docker, { credsStore: "one", credHelpers: { "a.io": "two" } });
    expect((await store.find("a.io")).credentials).toEqual({ kind: "identity-token", token: "t" });
  });

  test("that know nothing are no problem, and the next file is asked", async () => {
    await helper("one", "echo 'credentials not found in native keychain'; exit 1");
    await put(podman, { credHelpers: { "a.io": "one" } });
    await put(docker, { auths: { "a.io": { auth: base64("u:p") } } });
    expect(await store.find("a.io")).toMatchObject({ credentials: user("u", "p"), problems: [] });
  });

  test("that are gone, fail or talk nonsense are a problem to be told", async () => {
    await put(docker, { credsStore: "gone" });
    expect((await store.find("a.io")).problems).toMatchObject([
      {
        code: "NOT_FOUND",
        message: expect.stringContaining("docker-credential-gone is not installed"),
        details: { hint: expect.stringContaining(docker) },
      },
    ]);
    await helper("locked", "echo 'the keychain is locked' >&2; exit 1");
    await put(docker, { credsStore: "locked" });
    expect((await store.find("a.io")).problems[0]?.details.output).toBe("the keychain is locked");
    await helper("odd", "echo yes");
    await put(docker, { credsStore: "odd" });
    expect((await store.find("a.io")).problems).toHaveLength(1);
    await put(docker, { credsStore: "../../bin/sh" });
    expect((await store.find("a.io")).problems).toMatchObject([{ code: "INVALID_ARGUMENT" }]);
  });

  test("are let go of when the caller is cancelled", async () => {
    await helper("slow", "exec sleep 60");
    await put(docker, { credsStore: "slow" });
    const signal = AbortSignal.timeout(100);
    await expect(store.find("a.io", undefined, { signal })).rejects.toThrow(/abort|timeout/i);
  });
});

describe("a sign-in from the window", () => {
  test("goes before what docker knows, is kept from others, and can be taken back", async () => {
    await put(docker, { auths: { "a.io": { auth: base64("docker:p") } } });
    await store.signIn("a.io", { kind: "password", username: "me", password: "geheim" });
    expect(await store.find("a.io")).toMatchObject({
      ...{ credentials: user("me", "geheim"), source: "file" },
    });
    expect((await stat(join(home, "own/secrets.json"))).mode & 0o777).toBe(0o600);
    expect(await store.list()).toEqual({
      signIns: [
        { registry: "a.io", username: "me", source: "file" },
        { registry: "a.io", username: "docker", source: join(home, docker) },
      ],
      problems: [],
    });
    await store.signOut("a.io");
    await store.signOut("a.io");
    expect((await store.find("a.io")).credentials).toEqual(user("docker", "p"));
  });
});

describe("the file of secrets", () => {
  test("takes many changes at once", async () => {
    const secrets = new FileSecretStore(join(home, "many.json"));
    expect(await secrets.get("toString")).toBeUndefined();
    const names = Array.from({ length: 20 }, (_, index) => `n${String(index).padStart(2, "0")}`);
    await Promise.all(names.map((name) => secrets.set(name, name)));
    expect(await secrets.names()).toEqual(names);
    expect(await secrets.get("n07")).toBe("n07");
  });

  test("with a keychain's cipher has nothing in the clear, and says when the key is another", async () => {
    const path = join(home, "keychain.json");
    const cipher = {
      encrypt: (text: string) => base64(text),
      decrypt: (text: string) => Buffer.from(text, "base64").toString(),
    };
    const secrets = new FileSecretStore(path, cipher);
    expect(secrets.kind).toBe("keychain");
    await secrets.set("a", "geheim");
    expect(await secrets.get("a")).toBe("geheim");
    expect(await new FileSecretStore(path).get("a")).toBe(base64("geheim"));
    const other = new FileSecretStore(path, {
      ...cipher,
      decrypt: () => {
        throw new Error("bad key");
      },
    });
    await expect(other.get("a")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("that is damaged is not overwritten", async () => {
    const path = join(home, "broken.json");
    await writeFile(path, "{");
    await expect(new FileSecretStore(path).set("a", "b")).rejects.toMatchObject({
      code: "DATA_LOSS",
      details: { hint: expect.stringContaining(path) },
    });
  });
});
