import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { readlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { parseRunLine } from "#shared/run-line/parse-run-line";
import { type Core, createCore } from "../../core.ts";
import { cgroupHost } from "../../host/cgroup.ts";
import { runCommand } from "../../host/command.ts";
import { resolvePaths } from "../../host/paths.ts";
import { choosePrivileges } from "../../host/privileges.ts";
import { rememberHost } from "../../runtime/testing.ts";
import { removeTree } from "../../snapshots/snapshotter.ts";

let root: string;
let core: Core;
let imageId: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-options-"));
  const paths = resolvePaths({}, 0, "/root", root);
  await rememberHost(paths);
  core = await createCore({ paths, version: "0.0.0", kind: "test" });
  await core.ready;
  imageId = (await core.images.ensureStarter()).id;
  await mkdir(join(root, "shared"));
  await writeFile(join(root, "shared/file"), "of the machine\n");
});

afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
});

afterAll(async () => {
  await core.close();
  await removeTree(root, choosePrivileges());
});

/** What a command says in a container that a line asks for; it is put in at `run -d`. */
async function inside(flags: string, script: string, runtime?: string): Promise<string> {
  const parsed = parseRunLine(`docker run --name tried --network none ${flags} image sleep 1000`);
  if (!parsed.ok || parsed.notes.length > 0) throw new Error(JSON.stringify(parsed));
  const { id, warnings } = await core.containers.create(
    { ...parsed.draft, name: "tried", imageId, ...(runtime === undefined ? {} : { runtime }) },
    true,
  );
  expect(warnings).toEqual([]);
  const { stdout, stderr } = await core.containers.exec(id, { args: ["sh", "-c", script] });
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return `${text(stdout)}${text(stderr)}`.trim();
}

const escaped = (text: string): string => text.replaceAll(/[[\]]/g, "\\$&");
const status = (line: string): string => `sed -n 's/^${line}:\\s*//p' /proc/1/status`;

test.each<[flags: string, script: string, says: RegExp]>([
  ["", status("Seccomp"), /^2$/],
  ["--security-opt seccomp=unconfined", status("Seccomp"), /^0$/],
  // docker's default, and without CAP_CHOWN, its lowest bit.
  ["", status("CapEff"), /^00000000a80425fb$/],
  ["--cap-drop chown", status("CapEff"), /^00000000a80425fa$/],
  ["--cap-drop all --cap-add net_admin", status("CapBnd"), /^0000000000001000$/],
  ["--security-opt no-new-privileges", status("NoNewPrivs"), /^1$/],
  [
    "--add-host db:10.0.0.2 --add-host six=fd00::1",
    "cat /etc/hosts",
    /10\.0\.0\.2\tdb\nfd00::1\tsix/,
  ],
  [
    "--network none --dns 9.9.9.9 --dns-search a.b --dns-option ndots:2",
    "cat /etc/resolv.conf",
    /^search a\.b\noptions ndots:2\nnameserver 9\.9\.9\.9$/,
  ],
  ["--read-only", "touch /file", /Read-only file system/],
  // Of init: runc 1.1 gives what runs beside it the hard limit for both (runc#4195).
  ["--ulimit nofile=64:128", "grep 'Max open files' /proc/1/limits", / 64 +128 /],
  ["--shm-size 1m", "df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2", /^1024$/],
  ["--sysctl kernel.shmmax=4096", "cat /proc/sys/kernel/shmmax", /^4096$/],
  ["--oom-score-adj 321", "cat /proc/1/oom_score_adj", /^321$/],
  ["--device /dev/null:/dev/nil", "stat -c '%F %t:%T' /dev/nil; echo x >/dev/nil", /1:3$/],
  // A directory of devices, with what is in it: pasta needs that one.
  ["--device /dev/net:/dev/other:rw", "stat -c %t:%T /dev/other/tun", /^a:c8$/],
  // Every capability that the manager may give away.
  [
    "--privileged",
    `${status("Seccomp")}; ls /dev | wc -l; cat /proc/sysrq-trigger 2>&1; mkdir /sys/fs/cgroup/x 2>&1`,
    /^0\n[1-9]\d+\n/,
  ],
  [
    "--privileged",
    "mkdir /mnt && mount -t tmpfs tmpfs /mnt && grep -c ' /mnt ' /proc/mounts",
    /^1$/,
  ],
  ["--group-add 44 --group-add root --user 1:1", "id -G", /^1 44 0$|^1 0 44$/],
  // The first process of the machine, which no container's own namespace has.
  ["--pid host", `test -d /proc/${process.pid} && echo seen`, /^seen$/],
  ["", `test -d /proc/${process.pid} || echo hidden`, /^hidden$/],
  ["--uts host", "hostname", new RegExp(`^${hostname()}$`)],
  [
    "--ipc host",
    "readlink /proc/self/ns/ipc",
    new RegExp(`^${escaped(readlinkSync("/proc/self/ns/ipc"))}$`),
  ],
  ["--cgroupns private", "cat /proc/self/cgroup | grep -c shimyard || true", /^0$/],
  ["--tmpfs /cache:size=1m,mode=700", "grep ' /cache ' /proc/mounts", /tmpfs.*noexec.*size=1024k/],
])("docker run %s", async (flags, script, says) => {
  expect(await inside(flags, script)).toMatch(says);
});

test.skipIf(choosePrivileges().rootless)("a domain name is the container's own", async () => {
  const before = await readFile("/proc/sys/kernel/domainname", "utf8");
  const said = await inside("--domainname shop.test", "cat /proc/sys/kernel/domainname");
  expect(said).toBe("shop.test");
  expect(await readFile("/proc/sys/kernel/domainname", "utf8")).toBe(before);
});

test("a directory of the machine is mounted, and for reading alone", async () => {
  const said = await inside(
    `-v ${root}/shared:/shared:ro -v ${root}/shared:/open`,
    "cat /shared/file; touch /shared/new; echo new >/open/new; cat /shared/new",
  );
  expect(said).toMatch(/^of the machine\nnew\n/);
  expect(said).toContain("Read-only file system");
});

test("the init reaps what is left behind", async () => {
  const script = "sh -c 'sleep 0 & exec sleep 0'; sleep 1; grep -l '^State:.Z' /proc/[0-9]*/status";
  expect(await inside("--init", `cat /proc/1/cmdline | tr '\\0' ' '; ${script}`)).toMatch(
    /^\/dev\/init -- sleep 1000$/,
  );
});

test.for(["oci/runc", "oci/crun"])(
  "a profile of one's own forbids what it forbids: %s",
  async (id, context) => {
    const runtime = core.system.info.value.runtimes.find((one) => one.id === id);
    if (!runtime?.usable.ok) context.skip(`${id} can't be used here`);
    const profile = join(root, "profile.json");
    const asked = { action: "SCMP_ACT_ERRNO", errnoRet: 1 };
    const syscalls = [
      { names: ["mkdir", "mkdirat"], ...asked },
      // chmod 0700 alone.
      ...[1, 2].map((index) => ({
        names: index === 1 ? ["chmod"] : ["fchmodat", "fchmodat2"],
        ...asked,
        args: [{ index, value: 0o700, op: "SCMP_CMP_EQ" }],
      })),
    ];
    await writeFile(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls }));
    const script =
      "mkdir /x; touch /y; chmod 755 /y && echo changed; chmod 700 /y; grep Seccomp: /proc/self/status";
    expect(await inside(`--security-opt seccomp=${profile}`, script, id)).toMatch(
      /^changed\nSeccomp:\s2\nmkdir: .*Operation not permitted\nchmod: .*Operation not permitted$/,
    );
  },
);

test.for(["oci/runc", "oci/crun"])(
  "a user's command is not given this machine's /dev/null: %s",
  async (id, context) => {
    const runtime = core.system.info.value.runtimes.find((one) => one.id === id);
    if (!runtime?.usable.ok) context.skip(`${id} can't be used here`);
    const uid = 4321;
    await inside("", "true", id);
    const [{ id: container } = { id: "" }] = await core.containers.list();
    const result = await core.containers.exec(container, { args: ["cat"], user: `${uid}:${uid}` });
    expect({ ...result, stdout: result.stdout.length }).toMatchObject({ exitCode: 0, stdout: 0 });
    expect((await stat("/dev/null")).uid).not.toBe(uid);
  },
);

test("crun is given the default filter made already", async (context) => {
  const runtime = core.system.info.value.runtimes.find((one) => one.id === "oci/crun");
  if (!runtime?.usable.ok) context.skip("oci/crun can't be used here");
  const script = `grep -h ^Seccomp: /proc/1/status /proc/self/status`;
  expect(await inside("", script, "oci/crun")).toBe("Seccomp:\t2\nSeccomp:\t2");
  const [{ id } = { id: "" }] = await core.containers.list();
  const { spec } = await core.containers.inspect(id);
  expect(JSON.parse(spec ?? "{}")).toHaveProperty(["annotations", "run.oci.seccomp_bpf_data"]);
});

test("what is in another container's namespaces sees its processes, and starts only when that runs", async () => {
  const base = {
    env: [],
    terminal: false,
    limits: {},
    restart: { name: "no" as const },
    labels: {},
  };
  const { id: other } = await core.containers.create(
    { ...base, ...{ name: "other", imageId, networks: "none", args: ["sleep", "4711"] } },
    true,
  );
  const namespaces = { pid: { container: "other" }, ipc: { container: other.slice(0, 12) } };
  const joining = {
    ...base,
    namespaces,
    networks: "none" as const,
    imageId,
    args: ["sleep", "1000"],
  };
  const { id, warnings } = await core.containers.create({ ...joining, name: "joining" }, true);
  expect(warnings).toEqual([expect.stringContaining("/dev/shm")]);
  const { stdout } = await core.containers.exec(id, {
    args: ["sh", "-c", "ps; readlink /proc/self/ns/ipc"],
  });
  const said = new TextDecoder().decode(stdout);
  expect(said).toContain("sleep 4711");
  const pid = core.containers.lifecycle.task(other)?.state.pid;
  expect(said).toContain(readlinkSync(`/proc/${pid}/ns/ipc`));
  await core.containers.delete(id, true);
  expect(core.containers.lifecycle.task(other)?.state.status).toBe("running");
  await core.containers.lifecycle.stop(other, 0);
  await expect(core.containers.create({ ...joining, name: "alone" }, true)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    details: { field: "namespaces.pid" },
  });
});

test("one that has another's network has its name, hosts and sockets, and starts only when that runs", async (context) => {
  if (!core.networks.abilities.bridges.ok) context.skip("containers can't be joined here");
  const base = {
    ...{ imageId, env: [], terminal: false, limits: {}, restart: { name: "no" as const } },
    labels: {},
  };
  const serving = ["sh", "-c", "echo through >/said && exec nc -l -p 4711 </said"];
  const { id: other } = await core.containers.create(
    { ...base, name: "other", hostname: "harbour", args: serving },
    true,
  );
  const joining = { ...base, networks: { container: "other" }, args: ["sleep", "1000"] };
  const first = await core.containers.create(
    { ...joining, name: "first", ports: [{ containerPort: 80, protocol: "tcp" }] },
    true,
  );
  expect(first.warnings).toEqual([expect.stringContaining('"other", which can publish them')]);
  // Of the other one, by one that has it from there itself.
  const { id, warnings } = await core.containers.create(
    { ...joining, name: "second", networks: { container: first.id.slice(0, 12) } },
    true,
  );
  expect(warnings).toEqual([]);
  const said = async (of: string, script: string): Promise<string> => {
    const { stdout } = await core.containers.exec(of, { args: ["sh", "-c", script] });
    return new TextDecoder().decode(stdout);
  };
  const same = "hostname; cat /etc/hosts /etc/resolv.conf; readlink /proc/self/ns/net";
  const expected = await said(other, same);
  expect(expected).toContain("\tharbour\n");
  expect(await said(id, same)).toBe(expected);
  await vi.waitFor(async () => expect(await said(id, "nc 127.0.0.1 4711")).toBe("through\n"));
  await expect(core.containers.membership.connect(id, { name: "bridge" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
  });
  await core.containers.delete(id, true);
  await core.containers.lifecycle.stop(first.id, 0);
  await core.containers.delete(other, true);
  await expect(core.containers.lifecycle.start(first.id)).rejects.toMatchObject({
    code: "NOT_FOUND",
    details: { field: "networks" },
  });
});

test("nothing that a container has started among the machine's processes outlives it", async (context) => {
  if (choosePrivileges().rootless)
    context.skip("nothing holds an ordinary user's processes together");
  const { id } = await core.containers.create(
    {
      ...{ name: "tried", imageId, networks: "none", env: [], terminal: false, limits: {} },
      ...{ restart: { name: "no" }, labels: {}, namespaces: { pid: "host" } },
      args: ["sh", "-c", `sleep ${1_000_000 + process.pid} & exec sleep 1000`],
    },
    true,
  );
  const left = async (): Promise<string> =>
    (await runCommand(["pgrep", "-f", `^sleep ${1_000_000 + process.pid}$`])).stdout.toString();
  await vi.waitFor(async () => expect(await left()).not.toBe(""), { timeout: 15_000 });
  await core.containers.delete(id, true);
  expect(await left()).toBe("");
});

test("a device by name comes with what its spec asks for", async (context) => {
  if (choosePrivileges().rootless) context.skip("only root may put a spec where they are");
  const kind = `shimyard-test-${process.pid}.example/thing`;
  const path = `/var/run/cdi/shimyard-test-${process.pid}.json`;
  const containerEdits = {
    env: ["THING=one"],
    deviceNodes: [{ path: "/dev/thing", hostPath: "/dev/null", permissions: "rw" }],
    mounts: [{ hostPath: join(root, "shared"), containerPath: "/thing", options: ["ro", "bind"] }],
    hooks: [
      {
        ...{ hookName: "createRuntime", path: "/bin/sh" },
        args: ["sh", "-c", `cat >${join(root, "hook")}`],
      },
    ],
    additionalGids: [4242],
  };
  await mkdir("/var/run/cdi", { recursive: true });
  await writeFile(
    path,
    JSON.stringify({ cdiVersion: "0.7.0", kind, devices: [{ name: "x", containerEdits }] }),
  );
  try {
    const script =
      "echo $THING; cat /thing/file; id -G; stat -c %t:%T /dev/thing; echo >/dev/thing";
    expect(await inside(`--device ${kind}=x`, script)).toBe("one\nof the machine\n0 4242\n1:3");
    // The container's state, as the specification has it for hooks.
    expect(JSON.parse(await readFile(join(root, "hook"), "utf8"))).toMatchObject({
      ociVersion: expect.any(String) as string,
    });
  } finally {
    await rm(path);
    // Made just now, unless this machine has others in it.
    await rmdir("/var/run/cdi").catch(() => undefined);
  }
});

test("rates of a block device are the kernel's", async (context) => {
  const { mounts, mode } = await cgroupHost();
  const disk = await wholeDisk();
  if (choosePrivileges().rootless || !disk || (mode !== "v2" && !mounts.blkio)) {
    context.skip("only root, on a machine with a disk");
  }
  await inside(
    `--device-read-bps /dev/${disk?.name}:1m --device-write-iops /dev/${disk?.name}:50`,
    "true",
  );
  const [container] = await core.containers.list();
  const directories = await core.containers.lifecycle.task(container?.id ?? "")?.cgroup();
  const read = (file: string): Promise<string> => readFile(file, "utf8");
  const said = directories?.blkio
    ? await Promise.all(
        ["read_bps", "write_iops"].map((name) =>
          read(join(directories.blkio ?? "", `blkio.throttle.${name}_device`)),
        ),
      )
    : [await read(join(directories?.unified ?? "", "io.max"))];
  expect(said.join("")).toContain(disk?.numbers);
  expect(said.join("")).toMatch(/1048576[^]*50/);
});

/** A disk of this machine, and its numbers as cgroup files have them. */
async function wholeDisk(): Promise<{ name: string; numbers: string } | undefined> {
  const names = await readdir("/sys/block");
  const name = names.find((one) => /^(vd|sd|xvd|nvme)/.test(one));
  if (!name) return undefined;
  return { name, numbers: (await readFile(`/sys/block/${name}/dev`, "utf8")).trim() };
}
