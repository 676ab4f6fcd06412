import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AppError } from "#shared/errors";
import { lackingControllers } from "./controllers.ts";

const all = ["memory", "cpu", "cpuset", "pids", "io"];

test("on cgroup v1 those are missing that have no hierarchy, and blkio is io", async () => {
  const mounts = Object.fromEntries(["cpu", "memory", "blkio"].map((name) => [name, `/c/${name}`]));
  expect(await lackingControllers({ mode: "v1", mounts })).toEqual({
    cpuset: "This machine has no cgroup controller cpuset",
    pids: "This machine has no cgroup controller pids",
  });
});

test("on v2 those that its root does not have", async () => {
  const unified = await mkdtemp(join(tmpdir(), "shimyard-controllers-"));
  try {
    await writeFile(join(unified, "cgroup.controllers"), "cpuset cpu memory pids\n");
    const lacking = await lackingControllers({ mode: "v2", mounts: { unified } });
    expect(Object.keys(lacking)).toEqual(["io"]);
  } finally {
    await rm(unified, { recursive: true });
  }
});

test("an ordinary user lacks what is not delegated, or all of it", async () => {
  const host = { mode: "v2" as const, mounts: { unified: "/c" } };
  const delegation = { systemd: true, controllers: ["cpu", "memory", "pids"], cgroupsPath: String };
  expect(await lackingControllers(host, delegation)).toEqual({
    cpuset: "The cgroup controller cpuset is not delegated to this user",
    io: "The cgroup controller io is not delegated to this user",
  });
  const nothing = new AppError("FAILED_PRECONDITION", "No cgroups");
  expect(await lackingControllers(host, nothing)).toEqual(
    Object.fromEntries(all.map((name) => [name, "No cgroups"])),
  );
});
