import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { ProjectDesk, stays } from "./testing.ts";

const desk = new ProjectDesk();
beforeAll(() => desk.open());
afterEach(() => desk.clear());
afterAll(() => desk.close());

test("what changed is made anew, what is too many goes, and the rest stays", async () => {
  const text = (web: string, replicas: number): string => `
name: shop
services:
  web: { image: ${desk.image}, command: ${stays()}, environment: { V: "${web}" } }
  work: { image: ${desk.image}, command: ${stays()}, deploy: { replicas: ${replicas} } }
`;
  const id = await desk.bringUp(text("1", 2));
  expect(await desk.names(id)).toEqual(["shop-web-1", "shop-work-1", "shop-work-2"]);
  const before = new Map((await desk.containersOf(id)).map((row) => [row.name, row.id]));
  await desk.core.projects.import(desk.sourceOf(text("2", 1)));
  const plan = await desk.core.projects.plan(id);
  expect(plan.services.map(({ containers }) => containers)).toEqual([
    [{ name: "shop-web-1", action: "recreate", reason: "It is described otherwise now" }],
    [
      { name: "shop-work-1", action: "keep" },
      { name: "shop-work-2", action: "remove", reason: "There are fewer of it now" },
    ],
  ]);
  await desk.core.projects.up(id);
  const after = new Map((await desk.containersOf(id)).map((row) => [row.name, row.id]));
  expect([...after.keys()]).toEqual(["shop-web-1", "shop-work-1"]);
  expect(after.get("shop-work-1")).toBe(before.get("shop-work-1"));
  expect(after.get("shop-web-1")).not.toBe(before.get("shop-web-1"));
});

test("a network that changed is made anew, with the containers that are in it", async () => {
  const text = (network: string): string => `
name: shop
services:
  web: { image: ${desk.image}, command: ${stays()} }
  apart: { image: ${desk.image}, command: ${stays()}, network_mode: none }
networks: { default: ${network} }
`;
  const id = await desk.bringUp(text("{}"));
  const before = new Map((await desk.containersOf(id)).map((row) => [row.name, row.id]));
  await desk.core.projects.import(desk.sourceOf(text("{ internal: true }")));
  await desk.core.projects.up(id);
  const after = new Map((await desk.containersOf(id)).map((row) => [row.name, row.id]));
  expect(after.get("shop-apart-1")).toBe(before.get("shop-apart-1"));
  expect(after.get("shop-web-1")).not.toBe(before.get("shop-web-1"));
  const network = (await desk.core.networks.list()).find((one) => one.id === "shop_default");
  expect(network).toMatchObject({ internal: true, members: [{ containerName: "shop-web-1" }] });
});

test("a named volume outlives the containers, and goes only when that is asked for", async () => {
  const text = `
name: shop
services:
  count:
    image: ${desk.image}
    command: ["sh", "-c", "echo once >> /data/log; wc -l < /data/log"]
    volumes: [data:/data]
volumes: { data: { labels: { keep: "yes" } } }
`;
  const counted = (): Promise<string> =>
    vi.waitFor(
      async () => {
        const output = await desk.outputOf("shop-count-1");
        expect(output).not.toBe("");
        return output;
      },
      { timeout: 15_000 },
    );
  const id = await desk.bringUp(text);
  expect(await counted()).toBe("1");
  await desk.core.projects.down(id, { volumes: false });
  const [volume] = await desk.core.volumes.list();
  expect(volume).toMatchObject({
    id: "shop_data",
    labels: { keep: "yes", "com.docker.compose.project": "shop" },
  });
  await desk.core.projects.up(id);
  expect(await counted()).toBe("2");
  await desk.core.projects.down(id, { volumes: true });
  expect(await desk.core.volumes.list()).toEqual([]);
});

test("what is wrong is told with its line, and nothing is done", async () => {
  const plan = await desk.core.projects.check(
    desk.sourceOf(`
name: shop
services:
  web: { image: nowhere.invalid/none, pull_policy: never, mem_swappiness: 10, depends_on: { db: { condition: service_healthy } } }
  db: { image: ${desk.image} }
networks:
  default: { external: true, name: not-there }
`),
  );
  expect(plan.notes.map(({ level, line, message }) => [level, line, message])).toEqual([
    ["lost", 4, "How readily it is swapped out can't be set here"],
    ["error", 7, "There is no network “not-there” here: make it first"],
    ["error", 4, "“db” has no health check, so it never is healthy"],
  ]);
  expect(plan.services[0]).toMatchObject({ imageAction: "missing", after: ["db"] });
  await expect(
    desk.core.projects.import(desk.sourceOf("services: {web: {}}")),
  ).rejects.toMatchObject({
    ...{
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("compose.yaml:1: services.web"),
    },
  });
  expect(await desk.core.projects.list()).toEqual([]);
});

test("what has another service's namespaces follows it", async () => {
  const text = (wait: string): string => `
name: shop
services:
  probe:
    image: ${desk.image}
    command: ["sleep", "1000"]
    network_mode: service:side
    pid: service:web
  side: { image: "${desk.image}", command: ["sleep", "1000"], network_mode: "service:web" }
  web: { image: "${desk.image}", command: ["sleep", "${wait}"] }
`;
  const id = await desk.bringUp(text("4711"));
  const idOf = (name: string): string => desk.core.containers.records.idOf(name) as string;
  const said = async (name: string, script: string): Promise<string> => {
    const args = ["sh", "-c", script];
    const { stdout } = await desk.core.containers.exec(idOf(name), { args });
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
  await desk.core.projects.restart(id, ["web"]);
  const second = await isOfWeb();
  expect(second).not.toBe(first);
  // The one that they follow is another one.
  const changed = desk.sourceOf(text("4712"));
  const { services } = await desk.core.projects.check({ ...changed, name: id });
  expect(services.map(({ containers }) => containers.map(({ action }) => action))).toEqual([
    ...[["recreate"], ["recreate"], ["recreate"]],
  ]);
  await desk.core.projects.import(changed);
  await desk.core.projects.up(id);
  expect(await isOfWeb()).not.toBe(second);
  const before = (await desk.containersOf(id)).map((row) => row.id);
  await desk.core.projects.up(id);
  expect((await desk.containersOf(id)).map((row) => row.id)).toEqual(before);
  // It alone is started: those that ran on in what it left are made anew.
  await desk.core.containers.lifecycle.kill(idOf("shop-web-1"), "SIGKILL");
  await vi.waitFor(async () => {
    expect((await desk.containersOf(id)).find(({ name }) => name === "shop-web-1")).toMatchObject({
      state: { status: "exited" },
    });
  });
  await desk.core.projects.up(id);
  await isOfWeb();
});

test("devices that this machine lacks are told at their lines before anything starts, and again of what was imported", async () => {
  const text = `services:
  a: { image: ${desk.image}, gpus: all }
  b:
    image: ${desk.image}
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
  expect((await desk.core.projects.check(desk.sourceOf(text))).notes).toEqual(notes);
  const { id } = await desk.core.projects.import(desk.sourceOf(text));
  expect((await desk.core.projects.get(id)).notes).toEqual(notes);
  await expect(desk.core.projects.up(id)).rejects.toMatchObject({
    ...{ code: "INVALID_ARGUMENT" },
    details: { output: `compose.yaml:5: services.b.devices[0]: ${gone("acme.com/tpu=none")}` },
  });
  expect(await desk.names(id)).toEqual([]);
});
