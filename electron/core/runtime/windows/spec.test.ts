import { describe, expect, it } from "vitest";
import { rootPrivileges } from "#core/host/privileges";
import type { CreateRequest, OciSpec } from "../runtime.ts";
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
  rootfs: { type: "overlay", lower: ["C:\\top", "C:\\base"], upper: "C:\\own", work: "C:\\work" },
};

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

  it("is refused when the files are no layers", () => {
    const rootfs: CreateRequest["rootfs"] = { type: "bind", lower: ["C:\\files"] };
    expect(() => windowsConfig({ ...request, rootfs })).toThrow(
      expect.objectContaining({ code: "UNIMPLEMENTED" }),
    );
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
