import type { Extension, ExtensionManifest } from "#shared/contract/extensions";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";

const minute = 60_000;

const diskUse: ExtensionManifest = {
  ...{ manifest: 1, name: "disk-use", title: "Disk use", version: "1.0.0", restart: "always" },
  description: "Shows what each container has on disk beside its image.",
  ...{ image: { kind: "starter" }, command: ["/bin/sleep", "1000"] },
  panel: { command: ["/bin/httpd", "-i", "-h", "/www"] },
  actions: [{ id: "show", title: "Show disk use", command: ["/bin/show"] }],
  permissions: ["containers.list", "containers.diskUse"],
};

const nightly: ExtensionManifest = {
  ...diskUse,
  ...{ name: "nightly", title: "Nightly restarts", version: "0.4.1" },
  description: "Restarts the containers of a list each night at three.",
  ...{ permissions: ["containers.list", "containers.control"], actions: [] },
};

const extension = (manifest: ExtensionManifest, more: Partial<Extension>): Extension => ({
  ...{ id: manifest.name, manifest, enabled: true, grants: manifest.permissions },
  ...{ installedAt: Date.now() - 3 * 24 * 60 * minute, size: 12_288 },
  origin: `/srv/extensions/${manifest.name}`,
  image: { id: "e1".repeat(32), name: "busybox:host" },
  state: { status: "running", pid: 5123, startedAt: Date.now() - 42 * minute, restarts: 0 },
  ...more,
});

export function fakeExtensions(): Extension[] {
  return [
    extension(diskUse, {}),
    extension(nightly, {
      grants: ["containers.list"],
      state: {
        ...{ status: "waiting", restarts: 3, nextStartAt: Date.now() + 8000 },
        lastExit: { code: 3, exitedAt: Date.now() - 4000, oomKilled: false },
        error: {
          code: "NOT_FOUND",
          message: 'The extension "nightly" could not be started: no such file or directory',
          details: { hint: "Look at its command", output: "exec /bin/nightly: not found" },
        },
      },
    }),
  ];
}

/** Its panels can't be shown: nothing serves them. */
export function fakeExtensionHandlers(
  extensions: FakeList<Extension>,
): Handlers<AppContract>["extensions"] {
  const candidate = { path: "/opt/shimyard/extensions/disk-use", digest: "d", manifest: diskUse };
  const enabled = (id: string, on: boolean): Record<string, never> => {
    extensions.patch(id, (before) => ({
      ...before,
      enabled: on,
      state: { status: on ? "running" : "disabled", restarts: 0 },
    }));
    return {};
  };
  return {
    watch: (_, { signal }) => extensions.watch(signal),
    shipped: () => [candidate],
    inspect: ({ path }) => {
      if (path.endsWith("disk-use")) return candidate;
      throw new AppError("INVALID_ARGUMENT", `There is no extension.json in ${path}`, {
        field: "path",
      });
    },
    install: ({ grants }) => {
      extensions.put(extension(diskUse, { grants }));
      return { id: diskUse.name };
    },
    enable: ({ id }) => enabled(id, true),
    disable: ({ id }) => enabled(id, false),
    remove: ({ id }) => {
      extensions.remove(id);
      return {};
    },
    setGrants: ({ id, grants }) => {
      extensions.patch(id, (before) => ({ ...before, grants }));
      return {};
    },
    log: () => ({ text: "listening\n", truncated: false }),
    panel: () => ({ url: "about:blank" }),
    call: () => [],
    runAction: () => ({
      ...{ exitCode: 0, stderr: "", truncated: false },
      stdout: "postgres\n  files written  8192 bytes\n",
    }),
  };
}
