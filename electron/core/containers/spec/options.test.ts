import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRunLine } from "#shared/run-line/parse-run-line";
import { emptyConfig } from "../../images/image-config.ts";
import { noNetwork } from "../../network/network-plan.ts";
import { type HostFacts, limitsOf } from "../../system/host-facts.ts";
import { placeVolumes } from "../../volumes/volume-uses.ts";
import { makeSpec, type SpecResult } from "../spec.ts";
import { chooseCapabilities, defaultCapabilities } from "./capabilities.ts";
import { findHostSide, type HostSide } from "./host-side.ts";
import { parseHardLimits, rlimits } from "./rlimits.ts";
import { convertProfile } from "./seccomp.ts";

const facts: HostFacts = {
  ...{ rootless: false, cgroup: "v2", limits: limitsOf({}, true), openFiles: 1_048_576, cpus: 2 },
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-options-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** The spec of a container as a `docker run` line asks for it. */
async function ofLine(flags: string, more: Partial<HostFacts> = {}): Promise<SpecResult> {
  const parsed = parseRunLine(`docker run ${flags} image run`);
  if (!parsed.ok || parsed.notes.length > 0) throw new Error(JSON.stringify(parsed));
  const config = { ...parsed.draft, name: "web", imageId: "0".repeat(64) };
  const host: HostSide = {
    ...(await findHostSide(config, context)),
    seccomp: undefined,
    notes: [],
  };
  return makeSpec({
    ...{ id: "a".repeat(64), ownName: "a", config, image: emptyConfig, user: { uid: 0, gid: 0 } },
    ...{ facts: { ...facts, ...more }, limits: { ok: true }, network: noNetwork, etc: [], host },
    mounts: placeVolumes({ config, ownVolumes: {} }, (name) => `/volumes/${name}`),
  });
}

/** Of the containers only `other` runs. */
const context = {
  rootless: false,
  pidOf: (container: string) => {
    if (container !== "other") throw new Error("it does not run");
    return 4711;
  },
};

const mebibyte = 1024 ** 2;
const kept = (name: string): string[] => defaultCapabilities.filter((one) => one !== name);

test.each<[flags: string, spec: object]>([
  ["", { root: { readonly: false }, process: { args: ["run"], noNewPrivileges: false } }],
  ["--read-only", { root: { readonly: true } }],
  ["--security-opt no-new-privileges", { process: { noNewPrivileges: true } }],
  [
    "--cap-drop chown",
    { process: { capabilities: { bounding: kept("CAP_CHOWN"), effective: kept("CAP_CHOWN") } } },
  ],
  ["--cap-drop all --cap-add kill", { process: { capabilities: { bounding: ["CAP_KILL"] } } }],
  ["--oom-score-adj 500", { process: { oomScoreAdj: 500 } }],
  [
    "--ulimit nofile=10:20",
    { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }] } },
  ],
  ["--sysctl net.core.somaxconn=9", { linux: { sysctl: { "net.core.somaxconn": "9" } } }],
  [
    "-m 64m --memory-swap 128m --memory-reservation 32m",
    {
      linux: {
        resources: {
          memory: { limit: 64 * mebibyte, swap: 128 * mebibyte, reservation: 32 * mebibyte },
        },
      },
    },
  ],
  ["-m 64m --memory-swap -1", { linux: { resources: { memory: { swap: -1 } } } }],
  [
    "-c 512 --cpuset-cpus 0-1 --cpuset-mems 0 --cpus 0.5",
    {
      linux: {
        resources: { cpu: { shares: 512, cpus: "0-1", mems: "0", quota: 50_000, period: 100_000 } },
      },
    },
  ],
  [
    "--privileged",
    {
      linux: {
        resources: {
          devices: [
            { allow: false, access: "rwm" },
            { allow: true, access: "rwm" },
          ],
        },
      },
    },
  ],
  [
    "--pid container:other --ipc host --uts host --cgroupns host",
    {
      linux: {
        namespaces: [
          { type: "pid", path: "/proc/4711/ns/pid" },
          { type: "mount" },
          { type: "network" },
        ],
      },
    },
  ],
  [
    "--cgroupns private",
    { linux: { namespaces: expect.arrayContaining([{ type: "cgroup" }]) as unknown } },
  ],
  [
    "--device /dev/null:/dev/nil:r",
    {
      linux: {
        devices: [{ path: "/dev/nil", type: "c", major: 1, minor: 3 }],
        resources: {
          devices: [
            { allow: false, access: "rwm" },
            { allow: true, type: "c", major: 1, minor: 3, access: "r" },
          ],
        },
      },
    },
  ],
])("docker run %s", async (flags, spec) => {
  const made = await ofLine(flags);
  expect(made.spec).toMatchObject(spec);
  expect(made.warnings).toEqual([]);
});

test("mounts take the place of what is always there, and lie in the order of their depth", async () => {
  const { spec } = await ofLine(
    `--shm-size 1m -v ${directory}:/srv/deep:ro --tmpfs /srv:size=4096,exec -v /tmp:/dev/mqueue:rslave`,
  );
  const at = (destination: string) => spec.mounts.filter((one) => one.destination === destination);
  expect(at("/dev/shm")[0]?.options).toContain(`size=${mebibyte}`);
  expect(at("/dev/mqueue")).toEqual([
    {
      ...{ destination: "/dev/mqueue", type: "bind", source: "/tmp" },
      options: ["rbind", "rslave", "rw"],
    },
  ]);
  expect(at("/srv/deep")[0]?.options).toEqual(["rbind", "rprivate", "ro"]);
  expect(at("/srv")[0]?.options).toEqual(["nosuid", "nodev", "exec", "rw", "size=4096"]);
  const order = spec.mounts.map(({ destination }) => destination);
  expect(order.indexOf("/srv")).toBeLessThan(order.indexOf("/srv/deep"));
  expect(spec.linux["rootfsPropagation"]).toBe("rslave");
});

test("volumes are the directories that keep them", async () => {
  const { spec } = await ofLine("-v data:/srv/data:ro");
  expect(spec.mounts.at(-1)).toEqual({
    ...{ destination: "/srv/data", type: "bind", source: "/volumes/data" },
    options: ["rbind", "rprivate", "ro"],
  });
});

test("what is not there is refused, at its field", async () => {
  await expect(ofLine("-v /nowhere/at/all:/x")).rejects.toMatchObject({
    details: { field: "mounts" },
  });
  await expect(ofLine("--device /dev/nowhere")).rejects.toMatchObject({
    details: { field: "devices" },
  });
  await expect(ofLine(`--cap-add frobnicate`)).rejects.toThrow("CAP_FROBNICATE");
  await expect(ofLine(`-m 64m --memory-swap 32m`)).rejects.toThrow("below memory");
  const profile = join(directory, "profile.json");
  await writeFile(profile, "{}");
  await expect(ofLine(`--security-opt seccomp=${profile}`)).rejects.toThrow("no seccomp profile");
});

test("limits that this machine does not allow are lowered, and it is said", () => {
  const told = { warnings: [] as string[], notes: [] as string[] };
  const most = parseHardLimits(
    "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\nMax core file size  0  unlimited  bytes\n",
  );
  expect(most).toEqual({ nofile: 4096 });
  const asked = [
    { name: "nofile" as const, soft: 10, hard: 5000 },
    { name: "core" as const, soft: 0, hard: -1 },
  ];
  expect(rlimits(asked, { ...facts, rootless: true }, most, told)).toEqual([
    { type: "RLIMIT_NOFILE", soft: 10, hard: 4096 },
    { type: "RLIMIT_CORE", soft: 0, hard: Number.MAX_SAFE_INTEGER },
  ]);
  expect(told.warnings).toEqual([expect.stringContaining("lowered to 4096")]);
});

test("a capability that this manager lacks is left out, and it is said", () => {
  const warnings: string[] = [];
  expect(
    chooseCapabilities(
      { capDrop: ["ALL"], capAdd: ["CAP_KILL", "CAP_BPF"] },
      ["CAP_KILL"],
      warnings,
    ),
  ).toEqual(["CAP_KILL"]);
  expect(warnings).toEqual([expect.stringContaining("CAP_BPF")]);
  expect(
    chooseCapabilities({ capAdd: ["ALL"], capDrop: ["CAP_KILL"] }, ["CAP_KILL", "CAP_BPF"], []),
  ).toEqual(["CAP_BPF"]);
});

describe("a seccomp profile", () => {
  const rule = { action: "SCMP_ACT_ALLOW", args: null };
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
    ],
    syscalls: [
      { ...rule, names: ["always"] },
      { ...rule, names: ["of-admin"], includes: { caps: ["CAP_SYS_ADMIN"] } },
      { ...rule, names: ["not-of-admin"], excludes: { caps: ["CAP_SYS_ADMIN"] } },
      { ...rule, names: ["of-arm"], includes: { arches: ["arm64"] } },
      { ...rule, names: ["since-5.8"], includes: { minKernel: "5.8" } },
      {
        ...{ names: ["argued"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
        args: [{ index: 0, value: 8, valueTwo: 0, op: "SCMP_CMP_EQ" }],
      },
    ],
  };
  const names = (capabilities: string[], arch: "x64" | "arm64", kernel: string) =>
    (
      convertProfile(profile, capabilities, { arch, kernel }) as {
        syscalls: { names: string[] }[];
      }
    ).syscalls.flatMap(({ names }) => names);

  test("keeps the rules of these capabilities, this machine and this kernel", () => {
    expect(names([], "x64", "6.1.0-18-amd64")).toEqual([
      "always",
      "not-of-admin",
      "since-5.8",
      "argued",
    ]);
    expect(names(["CAP_SYS_ADMIN"], "arm64", "4.19.0")).toEqual([
      "always",
      "of-admin",
      "of-arm",
      "argued",
    ]);
  });

  test("becomes OCI's form", () => {
    expect(convertProfile(profile, [], { arch: "x64", kernel: "5.4.0" })).toEqual({
      ...{ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 },
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
      syscalls: [
        { names: ["always"], action: "SCMP_ACT_ALLOW" },
        { names: ["not-of-admin"], action: "SCMP_ACT_ALLOW" },
        profile.syscalls.at(-1),
      ],
    });
  });
});

test("a privileged container sees all of /proc, may write to /sys, and has this machine's devices", async () => {
  const { spec } = await ofLine("--privileged");
  expect(spec.linux).not.toHaveProperty("maskedPaths");
  expect(spec.linux).not.toHaveProperty("readonlyPaths");
  expect(spec.linux).not.toHaveProperty("seccomp");
  for (const place of ["/sys", "/sys/fs/cgroup"]) {
    const mount = spec.mounts.find(({ destination }) => destination === place);
    expect(mount?.options).not.toContain("ro");
  }
  const paths = (spec.linux.devices as { path: string }[]).map(({ path }) => path);
  expect(paths).toContain("/dev/kmsg");
  expect(paths.filter((path) => /^\/dev\/(pts|shm|mqueue)\//.test(path))).toEqual([]);
  expect(new Set(paths).size).toBe(paths.length);
});

test("what shares the machine's queues has its shared memory, too", async () => {
  const { spec } = await ofLine("--ipc host");
  expect(spec.mounts).toContainEqual(
    expect.objectContaining({ destination: "/dev/shm", type: "bind", source: "/dev/shm" }),
  );
});

test.each([
  ["--uts host --hostname box", "hostname"],
  ["--device nobody.example/none=0", "cdiDevices"],
  ["--gpus all", "cdiDevices"],
  ["--device-read-bps /dev/null:1m", "moreLimits.deviceReadBps"],
  ["--device-write-iops /dev/no-such:1", "moreLimits.deviceWriteIops"],
])("refuses %s, and says which field asks for it", async (flags, field) => {
  await expect(ofLine(flags)).rejects.toMatchObject({ details: { field } });
});

test("a domain name is a container's own, or left out and said", async () => {
  const sysctl = { "kernel.domainname": "shop.test" };
  const own = await ofLine("--domainname shop.test");
  expect(own.spec.linux.sysctl).toMatchObject(sysctl);
  for (const made of [
    await ofLine("--domainname shop.test --uts host"),
    await ofLine("--domainname shop.test", { rootless: true }),
  ]) {
    expect(made.spec.linux.sysctl ?? {}).not.toHaveProperty(["kernel.domainname"]);
    expect(made.warnings).toContainEqual(expect.stringContaining("domain name is left out"));
  }
});
