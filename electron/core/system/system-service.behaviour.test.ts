import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";

test("a default runtime can be chosen, and the choice taken back", async () => {
  const root = await mkdtemp(join(tmpdir(), "shimyard-system-"));
  const paths = resolvePaths({}, 0, "/root", root);
  let core = await createCore({ paths, version: "0.0.0", kind: "test" });
  const preferred = () =>
    core.system.info.value.runtimes.filter((one) => one.preferred).map(({ id }) => id);
  try {
    await core.system.probed;
    const [best = ""] = preferred();
    for (const { id } of core.system.info.value.runtimes.filter(({ usable }) => usable.ok)) {
      for (const none of [null, undefined]) {
        await core.system.updateSettings({ defaultRuntime: id });
        await core.system.updateSettings({ theme: "dark" });
        expect(core.system.settings.value).toMatchObject({ defaultRuntime: id, theme: "dark" });
        expect(preferred()).toEqual([id]);
        expect(core.system.chooseRuntime(undefined)).toBe(id);
        await core.system.updateSettings({ defaultRuntime: none });
        expect(core.system.settings.value).not.toHaveProperty("defaultRuntime");
        expect(preferred()).toEqual([best]);
        expect(core.system.chooseRuntime(undefined)).toBe(best);
      }
    }
    await expect(core.system.updateSettings({ defaultRuntime: "oci/none" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await core.close();
    core = await createCore({ paths, version: "0.0.0", kind: "test" });
    await core.system.probed;
    expect(core.system.settings.value).toEqual({ theme: "dark", stopGrace: 10 });
    // Remembered, not measured again.
    expect(preferred()).toEqual([best]);
  } finally {
    await core.close();
    await rm(root, { recursive: true, force: true });
  }
});

test("probes asked for while one runs don't end its containers", async () => {
  const root = await mkdtemp(join(tmpdir(), "shimyard-system-"));
  const paths = resolvePaths({}, 0, "/root", root);
  const core = await createCore({ paths, version: "0.0.0", kind: "test" });
  try {
    const infos = await Promise.all([core.system.probe(), core.system.probe()]);
    await core.ready;
    for (const { runtimes } of infos) {
      expect(runtimes.find(({ name }) => name === "runc")?.usable).toEqual({ ok: true });
    }
    const left = (await readdir(paths.data)).filter((name) => name.startsWith("probe-"));
    expect(left).toEqual([]);
  } finally {
    await core.close();
    await rm(root, { recursive: true, force: true });
  }
});
