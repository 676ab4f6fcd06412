import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { applyCdi } from "../containers/spec/cdi.ts";
import { findCdiDevice } from "../containers/spec/devices.ts";
import type { OciSpec } from "../runtime/runtime.ts";
import { findCdiEdits, listCdiDevices } from "./cdi-devices.ts";
import { parseCdiSpec } from "./cdi-spec.ts";

let root: string;
let directories: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-cdi-"));
  directories = [join(root, "etc"), join(root, "run")];
  for (const directory of directories) await mkdir(directory);
});
afterEach(() => rm(root, { recursive: true }));

/** As nvidia-ctk writes them, shortened. */
const nvidia = `
cdiVersion: "0.5.0"
kind: nvidia.com/gpu
containerEdits:
  env: [NVIDIA_VISIBLE_DEVICES=void]
  deviceNodes: [{ path: /dev/nvidiactl, hostPath: /dev/null }]
  hooks:
    - hookName: createContainer
      path: /usr/bin/nvidia-ctk
      args: [nvidia-ctk, hook, update-ldcache]
  mounts:
    - hostPath: /usr/lib/libcuda.so
      containerPath: /usr/lib/libcuda.so
      options: [ro, nosuid, nodev, bind]
devices:
  - name: "0"
    containerEdits: { deviceNodes: [{ path: /dev/nvidia0, hostPath: /dev/zero }] }
  - name: all
    containerEdits: { deviceNodes: [{ path: /dev/nvidia0, hostPath: /dev/zero }] }
`;
const simple = (kind: string, name: string, edits: object = {}): string =>
  JSON.stringify({ cdiVersion: "0.3.0", kind, devices: [{ name, containerEdits: edits }] });
const write = (directory: 0 | 1, name: string, text: string): Promise<void> =>
  writeFile(join(directories[directory] as string, name), text);

describe("a machine's specs", () => {
  test("are listed by device, with those that can't be used", async () => {
    await write(0, "nvidia.yaml", nvidia);
    await write(0, "broken.json", "{");
    await write(1, "later.json", simple("a.b/c", "x").replace("0.3.0", "2.0.0"));
    await write(1, "other.txt", "no spec");
    const { devices, faults } = await listCdiDevices(directories);
    expect(devices.map(({ name }) => name)).toEqual(["nvidia.com/gpu=0", "nvidia.com/gpu=all"]);
    expect(faults).toMatchObject([
      { spec: expect.stringContaining("broken.json") as string },
      { message: expect.stringContaining("version 2.0.0") as string },
    ]);
  });

  test("that are not there are no devices", async () => {
    const nowhere = [join(root, "nowhere")];
    expect((await listCdiDevices(nowhere)).devices).toEqual([]);
    await expect(findCdiEdits(["nvidia.com/gpu=all"], nowhere)).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { hint: expect.stringContaining("nvidia-ctk cdi generate") as string },
    });
  });

  test("say first what all of their devices need, and that once", async () => {
    await write(0, "nvidia.yaml", nvidia);
    const edits = await findCdiEdits(["nvidia.com/gpu=0", "nvidia.com/gpu=all"], directories);
    expect(edits.map(({ env }) => env)).toEqual([
      ["NVIDIA_VISIBLE_DEVICES=void"],
      undefined,
      undefined,
    ]);
  });

  test("of this boot go before the administrator's, and two of one directory are told", async () => {
    await write(0, "a.json", simple("a.b/c", "x", { env: ["FROM=etc"] }));
    await write(1, "a.json", simple("a.b/c", "x", { env: ["FROM=run"] }));
    expect(await findCdiEdits(["a.b/c=x"], directories)).toMatchObject([{ env: ["FROM=run"] }]);
    await write(1, "b.json", simple("a.b/c", "x"));
    await expect(findCdiEdits(["a.b/c=x"], directories)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("twice") as string,
    });
  });
});

test.each([
  [simple("vendor", "x"), /kind/],
  [simple("a.b/c", ""), /devices\.0\.name/],
  [simple("a.b/c", "x", { env: ["A"] }), /env/],
  [simple("a.b/c", "x", { deviceNodes: [{ path: "null" }] }), /deviceNodes\.0\.path/],
  [simple("a.b/c", "x", { hooks: [{ hookName: "never", path: "/x" }] }), /hookName/],
  [simple("a.b/c", "x").replace("0.3.0", "0.2.0"), /version 0\.2\.0/],
])("%s is no spec", (text, says) => {
  expect(() => parseCdiSpec(text)).toThrow(says);
});

test("what devices need is put into the container's spec", () => {
  const spec: OciSpec = {
    ociVersion: "1.0.2",
    process: { user: { uid: 0, gid: 0, additionalGids: [7] }, args: ["run"], cwd: "/" },
    mounts: [{ destination: "/proc" }],
    linux: { namespaces: [] },
  };
  spec.process.env = ["A=1", "B=1"];
  const edits = parseCdiSpec(
    simple("a.b/c", "x", {
      env: ["B=2", "C=3"],
      additionalGids: [0, 7, 44],
      intelRdt: { closID: "x" },
      mounts: [
        { hostPath: "/a", containerPath: "/deep/in" },
        { hostPath: "tmpfs", containerPath: "/t", type: "tmpfs", options: ["size=1m"] },
      ],
      hooks: [
        { hookName: "createRuntime", path: "/bin/a", args: ["a"] },
        { hookName: "createRuntime", path: "/bin/b", timeout: 3 },
      ],
    }),
  ).devices.map(({ containerEdits }) => containerEdits);
  const warnings: string[] = [];
  applyCdi(spec, edits, warnings);
  expect(spec.process.env).toEqual(["A=1", "B=2", "C=3"]);
  expect(spec.process.user.additionalGids).toEqual([7, 44]);
  expect(spec.mounts.slice(1)).toEqual([
    { destination: "/t", source: "tmpfs", type: "tmpfs", options: ["size=1m"] },
    { destination: "/deep/in", source: "/a", type: "bind", options: ["rbind"] },
  ]);
  expect(spec.hooks).toEqual({
    createRuntime: [
      { path: "/bin/a", args: ["a"] },
      { path: "/bin/b", timeout: 3 },
    ],
  });
  expect(warnings).toEqual([expect.stringContaining("bandwidth")]);
});

test("a node has what its spec says, and else what the machine's has", async () => {
  const { uid } = await stat("/dev/null");
  expect(
    await findCdiDevice({ path: "/dev/x", hostPath: "/dev/null", permissions: "r", gid: 44 }),
  ).toMatchObject({
    access: "r",
    node: { path: "/dev/x", type: "c", major: 1, minor: 3, uid, gid: 44 },
  });
  await expect(findCdiDevice({ path: "/dev/no-such" })).rejects.toMatchObject({
    details: { field: "cdiDevices" },
  });
});
