import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parseRunLine } from "#shared/run-line/parse-run-line";
import { type Core, createCore } from "../../core.ts";
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
    "--dns 9.9.9.9 --dns-search a.b --dns-option ndots:2",
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
  ["--tmpfs /cache:size=1m,mode=700", "grep ' /cache ' /proc/mounts", /tmpfs.*noexec.*size=1024k/],
])("docker run %s", async (flags, script, says) => {
  expect(await inside(flags, script)).toMatch(says);
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

test.each(["oci/runc", "oci/crun"])(
  "a profile of one's own forbids what it forbids: %s",
  async (id) => {
    const runtime = core.system.info.value.runtimes.find((one) => one.id === id);
    if (!runtime?.usable.ok) return console.warn(`${id} can't be used here: not tried`);
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

test("crun is given the default filter made already", async () => {
  const runtime = core.system.info.value.runtimes.find((one) => one.id === "oci/crun");
  if (!runtime?.usable.ok) return console.warn("oci/crun can't be used here: not tried");
  const script = `grep -h ^Seccomp: /proc/1/status /proc/self/status`;
  expect(await inside("", script, "oci/crun")).toBe("Seccomp:\t2\nSeccomp:\t2");
  const [{ id } = { id: "" }] = await core.containers.list();
  const { spec } = await core.containers.inspect(id);
  expect(JSON.parse(spec ?? "{}")).toHaveProperty(["annotations", "run.oci.seccomp_bpf_data"]);
});
