import {
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Paths, containerDir, containerLog, resolvePaths } from "#core/host/paths";
import { choosePrivileges } from "#core/host/privileges";
import { parseStat } from "#core/host/proc";
import { removeTree } from "./bundle.ts";
import { createOciRuntimes } from "./oci/plugin.ts";
import type { CreateRequest, OciSpec } from "./runtime.ts";
import { createShimRuntimes } from "./shim/plugin.ts";

/** What behaviour tests of runtimes stand on: a root of their own with a busybox image in it. */
export interface TestRoot {
  dir: string;
  paths: Paths;
  image: string;
  request(id: string, args: string[], change?: Partial<RequestOptions>): Promise<CreateRequest>;
  log(id: string): Promise<string>;
  /** Fails when anything of this root still runs, is mounted or has a cgroup; then removes it. */
  close(): Promise<void>;
}

interface RequestOptions {
  terminal: boolean;
  stdin: boolean;
  namespace: string;
  spec(spec: OciSpec): OciSpec;
  rootless: boolean;
}

const applets = [
  "sh",
  "true",
  "false",
  "echo",
  "cat",
  "sleep",
  "stty",
  "kill",
  "id",
  "dd",
  "head",
  "tail",
  "ps",
  "env",
  "printf",
  "seq",
  "usleep",
  "trap",
  "test",
  "ls",
  "touch",
  "mkdir",
  "rm",
  "wc",
];

/** A root under `base` (default: the system's temporary directory); busybox-static must be installed. */
export async function makeTestRoot(base: string = tmpdir()): Promise<TestRoot> {
  const dir = await mkdtemp(join(base, "shimyard-test-"));
  const paths = resolvePaths({}, 0, "/", dir);
  const image = join(dir, "image");
  for (const name of ["bin", "dev", "proc", "sys", "tmp", "etc", "root"]) {
    await mkdir(join(image, name), { recursive: true });
  }
  await copyFile("/bin/busybox", join(image, "bin/busybox"));
  for (const applet of applets) await link(join(image, "bin/busybox"), join(image, "bin", applet));
  await writeFile(
    join(image, "etc/passwd"),
    "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/tmp:/bin/sh\n",
  );
  await writeFile(join(image, "etc/group"), "root:x:0:\napp:x:1000:\nstaff:x:50:app\n");
  await symlink("../etc/passwd", join(image, "tmp/link"));
  return {
    dir,
    paths,
    image,
    async request(id, args, change = {}) {
      const namespace = change.namespace ?? "default";
      const own = containerDir(paths, namespace, id);
      const upper = join(own, "upper");
      const work = join(own, "work");
      await mkdir(upper, { recursive: true });
      await mkdir(work, { recursive: true });
      const spec = testSpec(args, change.rootless ?? choosePrivileges().rootless);
      return {
        namespace,
        id,
        spec: change.spec ? change.spec(spec) : spec,
        rootfs: { type: "overlay", lower: [{ type: "directory", path: image }], upper, work },
        terminal: change.terminal ?? false,
        stdin: change.stdin ?? false,
        logPath: containerLog(paths, namespace, id),
        labels: { test: "yes" },
      };
    },
    log: (id) => readFile(containerLog(paths, "default", id), "utf8").catch(() => ""),
    async close() {
      const left = await leaks(dir, paths);
      await removeTree(dir, choosePrivileges());
      if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
    },
  };
}

/** What a manager remembers of its host, in its root's data. */
const memories = ["host.json", "shims.json"];

/**
 * Gives a new root what earlier tests of this run have found out of this host, so that not each of them probes it
 * (several seconds). Remembered things are used only where they fit (see HostMemory), and the set-up of a run removes
 * those of the last.
 */
export async function rememberHost(paths: Paths): Promise<void> {
  const known = join(rememberedHosts, String(process.getuid?.() ?? 0));
  await mkdir(known, { recursive: true });
  await mkdir(paths.data, { recursive: true, mode: 0o711 });
  for (const name of memories) {
    await copyFile(join(known, name), join(paths.data, name)).catch(() => undefined);
  }
  const context = { paths, privileges: choosePrivileges() };
  await createOciRuntimes(context);
  const { infos, probe } = await createShimRuntimes(context);
  if (!infos) await probe();
  for (const name of memories) {
    // Others take it meanwhile. Absent where no runtime works here.
    const making = join(known, `${name}.${process.pid}`);
    await copyFile(join(paths.data, name), making).then(
      () => rename(making, join(known, name)),
      () => undefined,
    );
  }
}

/** Makes the next tests find it out again. */
export async function forgetHost(): Promise<void> {
  await rm(rememberedHosts, { recursive: true, force: true });
}

const rememberedHosts = join(import.meta.dirname, "../../../dist/test/hosts");

/** A spec with the namespaces and mounts every container has. */
export function testSpec(args: string[], rootless = false): OciSpec {
  const caps = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
  ];
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: caps, effective: caps, permitted: caps },
      noNewPrivileges: true,
    },
    hostname: "test",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666", "mode=0620", ...(rootless ? [] : ["gid=5"])],
      },
    ],
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
    },
  };
}

/** Shims, mounts, runtime state and cgroups of a root. A shim that is just ending gets a second. */
async function leaks(dir: string, paths: Paths): Promise<string[]> {
  let found: string[] = [];
  for (let round = 0; round < 20; round++) {
    found = [
      ...(await processesOf(dir)),
      ...(await mountsOf(dir)),
      ...(await stateOf(paths)),
      ...(await bundlesOf(paths)),
      ...(await cgroupsOf(paths)),
    ];
    if (found.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return found;
}

async function processesOf(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(`${dir}/`)) found.push(`process ${pid}: ${line.replaceAll("\0", " ")}`);
  }
  return found;
}

async function mountsOf(dir: string): Promise<string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return text.split("\n").filter((line) => line.includes(dir));
}

async function stateOf(paths: Paths): Promise<string[]> {
  return listTwo(paths.state, 3);
}

async function bundlesOf(paths: Paths): Promise<string[]> {
  return listTwo(join(paths.data, "tasks"), 2);
}

/** Directories exactly `depth` levels below. */
async function listTwo(root: string, depth: number): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const dirs = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
  if (depth === 1) return dirs;
  return (await Promise.all(dirs.map((dir) => listTwo(dir, depth - 1)))).flat();
}

async function cgroupsOf(paths: Paths): Promise<string[]> {
  const { createHash } = await import("node:crypto");
  const root = createHash("sha256").update(paths.data).digest("hex").slice(0, 8);
  const found: string[] = [];
  for (const name of await readdir("/sys/fs/cgroup").catch(() => [])) {
    const inside = await readdir(join("/sys/fs/cgroup", name)).catch(() => []);
    found.push(
      ...inside
        .filter((entry) => entry.startsWith(`shimyard-${root}-`))
        .map((entry) => `cgroup ${name}/${entry}`),
    );
  }
  return found;
}

/** Polls until `check` holds; the test's own timeout ends what never does. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/**
 * Stops a process with all of its threads. The signal is one thread's to take, and until that one has had its turn on a
 * loaded machine, others go on and answer what they are asked. To be continued with SIGCONT, or killed.
 */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await until(async () => {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(
      threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => "")),
    );
    return stats.every((stat) => stat === "" || parseStat(stat).state === "T");
  });
}

/** The bytes of a CRI log's records, as the process wrote them. */
export function logText(log: string): string {
  return log
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [, , flag, ...rest] = line.split(" ");
      return rest.join(" ") + (flag === "F" ? "\n" : "");
    })
    .join("");
}
