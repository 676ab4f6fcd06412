import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Store } from "../store/store.ts";
import { RegistryService } from "./registry-service.ts";
import type { SecretStore } from "./secret-store.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-registries-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

test("a look that takes long doesn't show again what has gone meanwhile", async () => {
  const kept = new Map([
    ["r.example", JSON.stringify({ kind: "password", username: "u", password: "p" })],
  ]);
  let held: Promise<void> | undefined;
  const secrets: SecretStore = {
    kind: "file",
    names: async () => [...kept.keys()],
    get: async (name) => {
      const value = kept.get(name);
      await held;
      return value;
    },
    set: async (name, value) => void kept.set(name, value),
    delete: async (name) => void kept.delete(name),
  };
  const store = await Store.open(join(root, "meta"));
  const service = new RegistryService({ store, secrets, env: {}, home: root, inUse: () => [] });
  const end = new AbortController();
  const deltas = service.watch(end.signal);
  expect(JSON.stringify(await deltas.next())).toContain("r.example");

  let release = (): void => undefined;
  held = new Promise((resolve) => {
    release = resolve;
  });
  const slow = service.refresh();
  // Until it is at the secret.
  await new Promise(setImmediate);
  held = undefined;
  await service.remove("r.example");
  release();
  await slow;

  const { value } = await deltas.next();
  expect(value).toEqual({ reset: false, put: [], removed: ["r.example"] });
  end.abort();
});
