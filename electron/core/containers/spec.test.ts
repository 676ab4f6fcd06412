import { describe, expect, test } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import type { ImageConfig } from "#shared/contract/images";
import { emptyConfig } from "../images/image-config.ts";
import { noNetwork } from "../network/network-plan.ts";
import { type HostFacts, limitsOf } from "../system/host-facts.ts";
import { makeSpec, type SpecRequest, type SpecResult } from "./spec.ts";
import { defaultCapabilities } from "./spec/capabilities.ts";
import { type HostSide, noHostSide } from "./spec/host-side.ts";
import { updatedResources } from "./spec/limits.ts";

const facts: HostFacts = {
  rootless: false,
  cgroup: "v2",
  limits: limitsOf({}, true),
  openFiles: 1_048_576,
  cpus: 2,
};
const config: ContainerConfig = {
  ...{ name: "web", imageId: "0".repeat(64), args: [], env: [], terminal: false },
  ...{ limits: {}, restart: { name: "no" }, labels: {} },
};

const image: ImageConfig = {
  ...{ ...emptyConfig, cmd: ["/bin/sh"], env: ["PATH=/bin", "A=image"], cwd: "/srv" },
};

const host: HostSide = { ...noHostSide, capabilities: defaultCapabilities };

function make(changes: Partial<ContainerConfig>, more: Partial<SpecRequest> = {}): SpecResult {
  return makeSpec({
    id: "a".repeat(64),
    ownName: "a".repeat(12),
    config: { ...config, ...changes },
    image,
    user: { uid: 0, gid: 0 },
    facts,
    limits: { ok: true },
    host,
    network: noNetwork,
    mounts: [],
    etc: [],
    ...more,
  });
}

test("what the user leaves out comes from the image, then from the id", () => {
  const { spec, warnings } = make({ env: ["A=user", "B=x=y"] });
  expect(spec.process.args).toEqual(["/bin/sh"]);
  expect(spec.process.cwd).toBe("/srv");
  expect(spec.hostname).toBe("a".repeat(12));
  expect(spec.process.env).toEqual(["PATH=/bin", `HOSTNAME=${"a".repeat(12)}`, "A=user", "B=x=y"]);
  expect(warnings).toEqual([]);
});

test("a command that nobody names is refused", () => {
  expect(() => make({}, { image: emptyConfig })).toThrow("no command");
});

/** moby's own cases: daemon/commit.go, merge. */
test.each<[Partial<ImageConfig>, Partial<ContainerConfig>, string[]]>([
  [{ cmd: ["a", "b"] }, {}, ["a", "b"]],
  [{ cmd: ["a"] }, { args: ["x"] }, ["x"]],
  [{ entrypoint: ["e"], cmd: ["a"] }, {}, ["e", "a"]],
  [{ entrypoint: ["e"], cmd: ["a"] }, { args: ["x"] }, ["e", "x"]],
  [{ entrypoint: ["e"], cmd: ["a"] }, { entrypoint: ["o"] }, ["o"]],
  [{ entrypoint: ["e"], cmd: ["a"] }, { entrypoint: ["o"], args: ["x"] }, ["o", "x"]],
  [{ entrypoint: ["e"], cmd: ["a"] }, { entrypoint: [] }, ["a"]],
  [{ entrypoint: ["e"], cmd: ["a"] }, { entrypoint: [], args: ["x"] }, ["x"]],
])("of %o a container with %o runs %o", (of, change, args) => {
  expect(make(change, { image: { ...emptyConfig, ...of } }).spec.process.args).toEqual(args);
});

describe("limits", () => {
  const limits = { memory: 64 << 20, cpus: 1.5, pids: 50 };

  test("are put into the spec, swap together with memory", () => {
    const { spec } = make({ limits });
    expect(spec.linux.resources).toMatchObject({
      memory: { limit: 64 << 20, swap: 64 << 20 },
      cpu: { quota: 150_000, period: 100_000 },
      pids: { limit: 50 },
    });
    expect(spec.linux.cgroupsPath).toBe(`/shimyard/${"a".repeat(64)}`);
  });

  test("that this host can't hold are said", () => {
    const { spec, warnings, notes } = make(
      { limits: { ...limits, cpus: 8 } },
      { facts: { ...facts, limits: limitsOf({}, false), openFiles: 4096 } },
    );
    expect(spec.process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 }]);
    expect(spec.linux.resources?.memory).toEqual({ limit: 64 << 20 });
    expect(warnings).toEqual([expect.stringContaining("Swap"), expect.stringContaining("2 CPUs")]);
    // Nobody asked for that one.
    expect(notes).toEqual([expect.stringContaining("4096 files")]);
  });

  test("whose controller is missing are left out, and the others hold", () => {
    const lacking = { pids: "No pids here", cpuset: "No cpuset here" };
    const { spec, warnings } = make(
      { limits, moreLimits: { cpuShares: 512, cpusetCpus: "0" } },
      { facts: { ...facts, limits: limitsOf(lacking, true) } },
    );
    expect(spec.linux.resources).toMatchObject({ memory: { limit: 64 << 20 } });
    expect(spec.linux.resources?.cpu).toEqual({ quota: 150_000, period: 100_000, shares: 512 });
    expect(spec.linux.resources).not.toHaveProperty("pids");
    expect(warnings).toEqual([
      "It runs on all CPUs: no cpuset here",
      "Its number of processes is not limited: no pids here",
    ]);
    expect(updatedResources({ limits: {} }, { ...facts, limits: limitsOf(lacking, true) })).toEqual(
      {
        memory: { limit: -1, swap: -1 },
        cpu: { quota: 200_000, period: 100_000 },
      },
    );
  });

  test("are lifted when they are left out", () => {
    expect(updatedResources({ limits: {} }, facts)).toEqual({
      memory: { limit: -1, swap: -1 },
      cpu: { quota: 200_000, period: 100_000 },
      pids: { limit: 4_194_304 },
    });
  });
});

test("a memory limit that is changed keeps the swap that was given, and has to go with it", () => {
  const moreLimits = { memorySwap: 128 << 20 };
  const changed = updatedResources({ limits: { memory: 64 << 20 }, moreLimits }, facts);
  expect(changed.memory).toEqual({ limit: 64 << 20, swap: 128 << 20 });
  expect(() => updatedResources({ limits: { memory: 256 << 20 }, moreLimits }, facts)).toThrow(
    "below memory",
  );
});

test("an ordinary user's spec asks for nothing that only root can give", () => {
  const { spec, warnings } = make(
    { limits: { memory: 64 << 20 } },
    {
      facts: { ...facts, rootless: true, cgroup: "hybrid" },
      limits: { ok: false, reason: "There is no cgroup of your own" },
    },
  );
  expect(spec.process.rlimits).toBeUndefined();
  expect(spec.linux.resources).toBeUndefined();
  expect(spec.linux.cgroupsPath).toBeUndefined();
  expect(spec.mounts.map(({ destination }) => destination)).not.toContain("/sys/fs/cgroup");
  expect(spec.linux.namespaces.map(({ type }) => type)).not.toContain("user");
  expect(warnings).toEqual([expect.stringContaining("no cgroup of your own")]);
});
