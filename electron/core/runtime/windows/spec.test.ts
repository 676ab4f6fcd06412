import { describe, expect, it } from "vitest";
import { rootPrivileges } from "#core/host/privileges";
import type { CreateRequest, Lower, OciSpec, RootfsMount } from "../runtime.ts";
import { testSpec } from "../testing.ts";
import { windowsConfig, windowsExec } from "./spec.ts";

const request: CreateRequest = {
  ...{ namespace: "default", id: "web", terminal: true, stdin: false, labels: {} },
  logPath: "C:\\log",
  spec: {
    ...testSpec(["cmd", "/c", "echo hi"]),
    annotations: { a: "b" },
    mounts: [
      ...testSpec([]).mounts,
      { destination: "C:\\data", type: "bind", source: "D:\\data", options: ["ro"] },
    ],
  },
  rootfs: {
    ...{ type: "overlay", upper: "C:\\own", work: "C:\\work" },
    lower: [directory("C:\\top"), directory("C:\\base")],
  },
};

function directory(path: string): Lower {
  return { type: "directory", path };
}

describe("a Windows container's spec", () => {
  it("has the layers, topmost first and its own last, and nothing of Linux", () => {
    const config = windowsConfig(request);
    expect(config.windows.layerFolders).toEqual(["C:\\top", "C:\\base", "C:\\own"]);
    // Either would make another kind of container of it.
    expect(config).not.toHaveProperty("linux");
    expect(config).not.toHaveProperty("root");
    expect(config.mounts).toEqual([
      { destination: "C:\\data", source: "D:\\data", options: ["ro"] },
    ]);
    expect(config.process).toEqual({
      user: { uid: 0, gid: 0 },
      ...{ args: ["cmd", "/c", "echo hi"], env: ["PATH=/bin", "TERM=xterm"] },
      ...{ cwd: "C:\\", terminal: true },
    });
  });

  it("is refused when the files are no layers that are directories", () => {
    const one: RootfsMount = { type: "bind", lower: [directory("C:\\files")] };
    const image: RootfsMount = {
      ...request.rootfs,
      lower: [directory("C:\\top"), { type: "erofs", path: "C:\\base.erofs" }],
    };
    for (const rootfs of [one, image]) {
      expect(() => windowsConfig({ ...request, rootfs })).toThrow(
        expect.objectContaining({ code: "UNIMPLEMENTED" }),
      );
    }
  });

  it("has a user by name, whom only the container knows", async () => {
    const spec = windowsConfig(request) as unknown as OciSpec;
    const asked = { args: ["whoami"], user: "ContainerUser", env: ["A=b"] };
    expect(await windowsExec(spec, asked, rootPrivileges)).toMatchObject({
      ...{ args: ["whoami"], cwd: "C:\\", user: { username: "ContainerUser" } },
      env: ["PATH=/bin", "TERM=xterm", "A=b"],
    });
    const same = await windowsExec(spec, { args: ["whoami"] }, rootPrivileges);
    expect(same.user).not.toHaveProperty("username");
  });
});
