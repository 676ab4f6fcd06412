import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Container } from "#shared/contract/containers";
import type { Project, ProjectSource } from "#shared/contract/projects";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { Buildah } from "../images/builds/buildah.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

let root: string;
let directory: string;
let core: Core;
let image: string;

const open = async (): Promise<Core> => {
  const opened = await createCore({
    ...{ paths: resolvePaths({}, 0, "/root", join(root, "root")), version: "0.0.0", kind: "test" },
  });
  await opened.ready;
  return opened;
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-projects-"));
  directory = join(root, "shop");
  await mkdir(directory);
  await rememberHost(resolvePaths({}, 0, "/root", join(root, "root")));
  core = await open();
  image = (await core.images.ensureStarter()).names[0] as string;
  // A first process that has no handler yet ignores SIGTERM (pid_namespaces(7)).
  await core.system.updateSettings({ stopGrace: 1 });
});

afterEach(async () => {
  for (const { id } of await core.projects.list()) {
    await core.projects.down(id, { volumes: true });
    await core.projects.remove(id).catch(() => undefined);
  }
  expect(await core.containers.list()).toEqual([]);
  expect(await core.volumes.list()).toEqual([]);
  expect((await core.networks.list()).map(({ id }) => id)).toEqual(["bridge"]);
});

afterAll(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  await core.close();
  await removeTree(root, choosePrivileges());
});

const sourceOf = (text: string, more: Partial<ProjectSource> = {}): ProjectSource => ({
  ...{ directory, files: [{ name: "compose.yaml", text }], env: "", profiles: [] },
  ...more,
});

async function bringUp(text: string, more: Partial<ProjectSource> = {}): Promise<string> {
  const { id } = await core.projects.import(sourceOf(text, more));
  await core.projects.up(id);
  return id;
}

const project = async (id: string): Promise<Project> => (await core.projects.get(id)).project;
const containersOf = async (id: string): Promise<Container[]> =>
  (await core.projects.get(id)).containers;
const names = async (id: string): Promise<string[]> =>
  (await containersOf(id)).map(({ name }) => name);
const outputOf = async (name: string): Promise<string> => {
  const id = core.containers.records.idOf(name) as string;
  const { lines } = await core.logs.read({ id, from: 0, count: 100 });
  return lines.map(({ text }) => text).join("\n");
};

/** A service that goes on, and ends at once when it is told to. */
const stays = (before = ""): string =>
  JSON.stringify(["sh", "-c", `trap 'exit 0' TERM; ${before} while :; do sleep 0.1; done`]);

test("dependencies, health and names: each is started when what it waits for is so", async () => {
  const text = `
name: shop
services:
  web:
    image: ${image}
    command: ["sh", "-c", "ping -c 1 -W 5 store && cat /mark/made && echo through"]
    volumes: ["./mark:/mark:ro"]
    depends_on:
      db: { condition: service_healthy }
      once: { condition: service_completed_successfully }
  once:
    image: ${image}
    command: ["sh", "-c", "echo made by once > /mark/made"]
    volumes: ["./mark:/mark"]
    depends_on: [db]
  db:
    image: ${image}
    command: ${stays("sleep 0.3; touch /tmp/ready;")}
    healthcheck: { test: "test -e /tmp/ready", interval: 100ms, retries: 50 }
    networks: { default: { aliases: [store] } }
`;
  const id = await bringUp(text);
  expect(id).toBe("shop");
  expect(await names(id)).toEqual(["shop-db-1", "shop-once-1", "shop-web-1"]);
  await vi.waitFor(async () => expect(await outputOf("shop-web-1")).toContain("through"), {
    timeout: 15_000,
  });
  expect(await outputOf("shop-web-1")).toContain("made by once");
  expect(await readFile(join(directory, "mark/made"), "utf8")).toBe("made by once\n");
  const { labels } = (await containersOf(id))[0] as Container;
  expect(labels).toMatchObject({
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "db",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.project.working_dir": directory,
  });
  await vi.waitFor(async () => expect((await project(id)).state).toBe("running"));
  expect((await core.networks.list()).map((network) => network.id)).toContain("shop_default");

  // A service alone, and the same once more: nothing is made anew.
  const before = (await containersOf(id)).map((row) => row.id);
  await core.projects.restart(id, ["db"]);
  await core.projects.up(id, { services: ["db"] });
  expect((await containersOf(id)).map((row) => row.id)).toEqual(before);

  // The app ends and begins: the project is seen from what runs.
  await core.close();
  core = await open();
  expect((await core.projects.list()).map((row) => [row.id, row.state])).toEqual([
    ["shop", "running"],
  ]);

  await core.projects.stop(id);
  await vi.waitFor(async () => expect((await project(id)).state).toBe("stopped"));
  await core.projects.down(id, { volumes: false });
  expect(await project(id)).toMatchObject({ state: "none", imported: true });
  expect(await core.containers.list()).toEqual([]);
});

test("what changed is made anew, what is too many goes, and the rest stays", async () => {
  const text = (web: string, replicas: number): string => `
name: shop
services:
  web: { image: ${image}, command: ${stays()}, environment: { V: "${web}" } }
  work: { image: ${image}, command: ${stays()}, deploy: { replicas: ${replicas} } }
`;
  const id = await bringUp(text("1", 2));
  expect(await names(id)).toEqual(["shop-web-1", "shop-work-1", "shop-work-2"]);
  const before = new Map((await containersOf(id)).map((row) => [row.name, row.id]));
  await core.projects.import(sourceOf(text("2", 1)));
  const plan = await core.projects.plan(id);
  expect(plan.services.map(({ containers }) => containers)).toEqual([
    [{ name: "shop-web-1", action: "recreate", reason: "It is described otherwise now" }],
    [
      { name: "shop-work-1", action: "keep" },
      { name: "shop-work-2", action: "remove", reason: "There are fewer of it now" },
    ],
  ]);
  await core.projects.up(id);
  const after = new Map((await containersOf(id)).map((row) => [row.name, row.id]));
  expect([...after.keys()]).toEqual(["shop-web-1", "shop-work-1"]);
  expect(after.get("shop-work-1")).toBe(before.get("shop-work-1"));
  expect(after.get("shop-web-1")).not.toBe(before.get("shop-web-1"));
});

test("one that fails keeps those back that need it, and says why; others come up", async () => {
  const id = await core.projects
    .import(
      sourceOf(`
name: shop
services:
  bad: { image: ${image}, command: ["sh", "-c", "exit 3"] }
  after: { image: ${image}, command: ${stays()}, depends_on: { bad: { condition: service_completed_successfully } } }
  later: { image: ${image}, command: ${stays()}, depends_on: [after] }
  other: { image: ${image}, command: ${stays()}, depends_on: { bad: { condition: service_completed_successfully, required: false } } }
`),
    )
    .then((imported) => imported.id);
  await expect(core.projects.up(id)).rejects.toThrow(
    "Not all of “shop” is up: after: It waits for “bad”: “shop-bad-1” ended with 3",
  );
  expect(await names(id)).toEqual(["shop-bad-1", "shop-other-1"]);
  const { services, error } = await project(id);
  expect(services.map(({ name, step }) => [name, step?.state, step?.detail])).toEqual([
    ["bad", "done", undefined],
    ["after", "failed", undefined],
    ["later", "skipped", "Not started, for “after” failed"],
    ["other", "done", undefined],
  ]);
  expect(error?.message).toContain("ended with 3");
});

test("an up that waits can be cancelled, and what is up stays up", async () => {
  const { id } = await core.projects.import(
    sourceOf(`
name: shop
services:
  db: { image: ${image}, command: ${stays()}, healthcheck: { test: "false", interval: 1s, retries: 1000 } }
  web: { image: ${image}, command: ${stays()}, depends_on: { db: { condition: service_healthy } } }
`),
  );
  const running = core.projects.up(id);
  running.catch(() => undefined);
  await vi.waitFor(
    async () => {
      const { services } = await project(id);
      expect(services[1]?.step?.detail).toBe("Waiting until db is healthy");
    },
    { timeout: 15_000 },
  );
  await expect(core.projects.down(id, { volumes: false })).rejects.toThrow(
    "is being brought up now",
  );
  core.operations.cancel((await project(id)).operationId as string);
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await names(id)).toEqual(["shop-db-1"]);
});

test("files of the project: an override, .env, configs and secrets", async () => {
  const at = join(root, "files");
  await mkdir(at);
  await writeFile(join(at, ".env"), "WHO=world\nTOKEN=hush\n");
  await writeFile(join(at, "hello.txt"), "hello from a file\n");
  await writeFile(
    join(at, "compose.yaml"),
    `
services:
  say:
    image: ${image}
    command: ["sh", "-c", "cat /hello /etc/written /run/secrets/token; echo $$GREETING"]
    configs: [hello, { source: written, target: /etc/written }]
    secrets: [token]
configs: { hello: { file: hello.txt }, written: { content: "port = 80\\n" } }
secrets: { token: { environment: TOKEN } }
`,
  );
  await writeFile(
    join(at, "compose.override.yaml"),
    'services: { say: { environment: { GREETING: "hello, ${WHO}" } } }\n',
  );
  const source = await core.projects.open(at);
  expect(source.files.map(({ name }) => name)).toEqual(["compose.yaml", "compose.override.yaml"]);
  const { id } = await core.projects.import(source);
  expect(id).toBe("files");
  await core.projects.up(id);
  await vi.waitFor(async () => expect(await outputOf("files-say-1")).toContain("world"), {
    timeout: 15_000,
  });
  // The secret is the variable's value alone, with no newline after it.
  expect(await outputOf("files-say-1")).toBe("hello from a file\nport = 80\nhushhello, world");
});

test.skipIf((await Buildah.version()) === undefined)(
  "a service is built where it is not yet, and made anew when it is built again (needs buildah)",
  async () => {
    const at = join(root, "built");
    await mkdir(at, { recursive: true });
    const write = (word: string): Promise<void> =>
      writeFile(join(at, "Dockerfile"), `FROM ${image}\nARG WHO\nENV SAID="${word} $WHO"\n`);
    await write("hello");
    const text = `
services:
  say: { build: { context: ., args: { WHO: world } }, command: ["sh", "-c", "echo $$SAID"] }
`;
    const id = await bringUp(text, { directory: at });
    const said = (text: string): Promise<void> =>
      vi.waitFor(async () => expect(await outputOf("built-say-1")).toBe(text), { timeout: 15_000 });
    await said("hello world");
    await write("bye");
    await vi.waitFor(async () => expect((await project(id)).state).toBe("stopped"));
    const { services } = await core.projects.plan(id);
    expect(services[0]).toMatchObject({ imageAction: "keep", containers: [{ action: "start" }] });
    await core.projects.up(id, { build: true });
    await said("bye world");
    await core.projects.down(id, { volumes: true });
  },
);

test("an image that can't be had fails its service alone", async () => {
  const { id } = await core.projects.import(
    sourceOf(`
name: shop
services:
  web: { image: "127.0.0.1:1/none:1" }
  never: { image: "127.0.0.1:1/other:1", pull_policy: never }
  other: { image: ${image}, command: ${stays()} }
`),
  );
  await expect(core.projects.up(id)).rejects.toThrow(/^Not all of “shop” is up/);
  expect(await names(id)).toEqual(["shop-other-1"]);
  const { services } = await project(id);
  expect(services.map(({ step }) => step?.state)).toEqual(["failed", "failed", "done"]);
  expect(services[1]?.step?.error?.message).toContain("is not to be pulled");
});

test("a network that changed is made anew, with the containers that are in it", async () => {
  const text = (network: string): string => `
name: shop
services:
  web: { image: ${image}, command: ${stays()} }
  apart: { image: ${image}, command: ${stays()}, network_mode: none }
networks: { default: ${network} }
`;
  const id = await bringUp(text("{}"));
  const before = new Map((await containersOf(id)).map((row) => [row.name, row.id]));
  await core.projects.import(sourceOf(text("{ internal: true }")));
  await core.projects.up(id);
  const after = new Map((await containersOf(id)).map((row) => [row.name, row.id]));
  expect(after.get("shop-apart-1")).toBe(before.get("shop-apart-1"));
  expect(after.get("shop-web-1")).not.toBe(before.get("shop-web-1"));
  const network = (await core.networks.list()).find((one) => one.id === "shop_default");
  expect(network).toMatchObject({ internal: true, members: [{ containerName: "shop-web-1" }] });
});

test("a named volume outlives the containers, and goes only when that is asked for", async () => {
  const text = `
name: shop
services:
  count:
    image: ${image}
    command: ["sh", "-c", "echo once >> /data/log; wc -l < /data/log"]
    volumes: [data:/data]
volumes: { data: { labels: { keep: "yes" } } }
`;
  const counted = (): Promise<string> =>
    vi.waitFor(
      async () => {
        const output = await outputOf("shop-count-1");
        expect(output).not.toBe("");
        return output;
      },
      { timeout: 15_000 },
    );
  const id = await bringUp(text);
  expect(await counted()).toBe("1");
  await core.projects.down(id, { volumes: false });
  const [volume] = await core.volumes.list();
  expect(volume).toMatchObject({
    id: "shop_data",
    labels: { keep: "yes", "com.docker.compose.project": "shop" },
  });
  await core.projects.up(id);
  expect(await counted()).toBe("2");
  await core.projects.down(id, { volumes: true });
  expect(await core.volumes.list()).toEqual([]);
});

test("what is wrong is told with its line, and nothing is done", async () => {
  const plan = await core.projects.check(
    sourceOf(`
name: shop
services:
  web: { image: nowhere.invalid/none, pull_policy: never, domainname: shop.test, depends_on: { db: { condition: service_healthy } } }
  db: { image: ${image} }
networks:
  default: { external: true, name: not-there }
`),
  );
  expect(plan.notes.map(({ level, line, message }) => [level, line, message])).toEqual([
    ["lost", 4, "Write it into the host name, or as the sysctl kernel.domainname"],
    ["error", 7, "There is no network “not-there” here: make it first"],
    ["error", 4, "“db” has no health check, so it never is healthy"],
  ]);
  expect(plan.services[0]).toMatchObject({ imageAction: "missing", after: ["db"] });
  await expect(core.projects.import(sourceOf("services: {web: {}}"))).rejects.toMatchObject({
    ...{
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("compose.yaml:1: services.web"),
    },
  });
  expect(await core.projects.list()).toEqual([]);
});

test("what has another service's namespaces follows it", async () => {
  const text = (wait: string): string => `
name: shop
services:
  probe:
    image: ${image}
    command: ["sleep", "1000"]
    network_mode: service:side
    pid: service:web
  side: { image: "${image}", command: ["sleep", "1000"], network_mode: "service:web" }
  web: { image: "${image}", command: ["sleep", "${wait}"] }
`;
  const id = await bringUp(text("4711"));
  const idOf = (name: string): string => core.containers.records.idOf(name) as string;
  const said = async (name: string, script: string): Promise<string> => {
    const args = ["sh", "-c", script];
    const { stdout } = await core.containers.exec(idOf(name), { args });
    return new TextDecoder().decode(stdout);
  };
  const network = "readlink /proc/self/ns/net";
  const isOfWeb = async (): Promise<string> => {
    const own = await said("shop-web-1", network);
    expect(await said("shop-side-1", network)).toBe(own);
    expect(await said("shop-probe-1", network)).toBe(own);
    expect(await said("shop-probe-1", "ps")).toContain("sleep 47");
    return own;
  };
  const first = await isOfWeb();
  await core.projects.restart(id, ["web"]);
  const second = await isOfWeb();
  expect(second).not.toBe(first);
  // The one that they follow is another one.
  const changed = sourceOf(text("4712"));
  const { services } = await core.projects.check({ ...changed, name: id });
  expect(services.map(({ containers }) => containers.map(({ action }) => action))).toEqual([
    ...[["recreate"], ["recreate"], ["recreate"]],
  ]);
  await core.projects.import(changed);
  await core.projects.up(id);
  expect(await isOfWeb()).not.toBe(second);
  const before = (await containersOf(id)).map((row) => row.id);
  await core.projects.up(id);
  expect((await containersOf(id)).map((row) => row.id)).toEqual(before);
  // It alone is started: those that ran on in what it left are made anew.
  await core.containers.lifecycle.kill(idOf("shop-web-1"), "SIGKILL");
  await vi.waitFor(async () => {
    expect((await containersOf(id)).find(({ name }) => name === "shop-web-1")).toMatchObject({
      state: { status: "exited" },
    });
  });
  await core.projects.up(id);
  await isOfWeb();
});

test("devices that this machine lacks are told at their lines before anything starts, and again of what was imported", async () => {
  const text = `services:
  a: { image: ${image}, gpus: all }
  b:
    image: ${image}
    devices: [acme.com/tpu=none]
`;
  const gone = (name: string): string => `There is no device ${name} on this machine`;
  const notes = [
    {
      ...{ level: "lost", file: "compose.yaml", line: 2, path: "services.a.gpus" },
      message: `${gone("nvidia.com/gpu=all")}: it goes without`,
    },
    {
      ...{ level: "error", file: "compose.yaml", line: 5, path: "services.b.devices[0]" },
      message: gone("acme.com/tpu=none"),
    },
  ];
  expect((await core.projects.check(sourceOf(text))).notes).toEqual(notes);
  const { id } = await core.projects.import(sourceOf(text));
  expect((await core.projects.get(id)).notes).toEqual(notes);
  await expect(core.projects.up(id)).rejects.toMatchObject({
    ...{ code: "INVALID_ARGUMENT" },
    details: { output: `compose.yaml:5: services.b.devices[0]: ${gone("acme.com/tpu=none")}` },
  });
  expect(await names(id)).toEqual([]);
});
