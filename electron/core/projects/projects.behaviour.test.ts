import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Container } from "#shared/contract/containers";
import { Buildah } from "../images/builds/buildah.ts";
import { ProjectDesk, stays } from "./testing.ts";

const desk = new ProjectDesk();
beforeAll(() => desk.open());
afterEach(() => desk.clear());
afterAll(() => desk.close());

test("dependencies, health and names: each is started when what it waits for is so", async () => {
  const text = `
name: shop
services:
  web:
    image: ${desk.image}
    command: ["sh", "-c", "ping -c 1 -W 5 store && cat /mark/made && echo through"]
    volumes: ["./mark:/mark:ro"]
    depends_on:
      db: { condition: service_healthy }
      once: { condition: service_completed_successfully }
  once:
    image: ${desk.image}
    command: ["sh", "-c", "echo made by once > /mark/made"]
    volumes: ["./mark:/mark"]
    depends_on: [db]
  db:
    image: ${desk.image}
    command: ${stays("sleep 0.3; touch /tmp/ready;")}
    healthcheck: { test: "test -e /tmp/ready", interval: 100ms, retries: 50 }
    networks: { default: { aliases: [store] } }
`;
  const id = await desk.bringUp(text);
  expect(id).toBe("shop");
  expect(await desk.names(id)).toEqual(["shop-db-1", "shop-once-1", "shop-web-1"]);
  await vi.waitFor(async () => expect(await desk.outputOf("shop-web-1")).toContain("through"), {
    timeout: 15_000,
  });
  expect(await desk.outputOf("shop-web-1")).toContain("made by once");
  expect(await readFile(join(desk.directory, "mark/made"), "utf8")).toBe("made by once\n");
  const { labels } = (await desk.containersOf(id))[0] as Container;
  expect(labels).toMatchObject({
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "db",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.project.working_dir": desk.directory,
  });
  await vi.waitFor(async () => expect((await desk.project(id)).state).toBe("running"));
  expect((await desk.core.networks.list()).map((network) => network.id)).toContain("shop_default");

  // A service alone, and the same once more: nothing is made anew.
  const before = (await desk.containersOf(id)).map((row) => row.id);
  await desk.core.projects.restart(id, ["db"]);
  await desk.core.projects.up(id, { services: ["db"] });
  expect((await desk.containersOf(id)).map((row) => row.id)).toEqual(before);

  // The app ends and begins: the project is seen from what runs.
  await desk.core.close();
  await desk.openCore();
  expect((await desk.core.projects.list()).map((row) => [row.id, row.state])).toEqual([
    ["shop", "running"],
  ]);

  await desk.core.projects.stop(id);
  await vi.waitFor(async () => expect((await desk.project(id)).state).toBe("stopped"));
  await desk.core.projects.down(id, { volumes: false });
  expect(await desk.project(id)).toMatchObject({ state: "none", imported: true });
  expect(await desk.core.containers.list()).toEqual([]);
});

test("one that fails keeps those back that need it, and says why; others come up", async () => {
  const id = await desk.core.projects
    .import(
      desk.sourceOf(`
name: shop
services:
  bad: { image: ${desk.image}, command: ["sh", "-c", "exit 3"] }
  after: { image: ${desk.image}, command: ${stays()}, depends_on: { bad: { condition: service_completed_successfully } } }
  later: { image: ${desk.image}, command: ${stays()}, depends_on: [after] }
  other: { image: ${desk.image}, command: ${stays()}, depends_on: { bad: { condition: service_completed_successfully, required: false } } }
`),
    )
    .then((imported) => imported.id);
  await expect(desk.core.projects.up(id)).rejects.toThrow(
    "Not all of “shop” is up: after: It waits for “bad”: “shop-bad-1” ended with 3",
  );
  expect(await desk.names(id)).toEqual(["shop-bad-1", "shop-other-1"]);
  const { services, error } = await desk.project(id);
  expect(services.map(({ name, step }) => [name, step?.state, step?.detail])).toEqual([
    ["bad", "done", undefined],
    ["after", "failed", undefined],
    ["later", "skipped", "Not started, for “after” failed"],
    ["other", "done", undefined],
  ]);
  expect(error?.message).toContain("ended with 3");
});

test("an up that waits can be cancelled, and what is up stays up", async () => {
  const { id } = await desk.core.projects.import(
    desk.sourceOf(`
name: shop
services:
  db: { image: ${desk.image}, command: ${stays()}, healthcheck: { test: "false", interval: 1s, retries: 1000 } }
  web: { image: ${desk.image}, command: ${stays()}, depends_on: { db: { condition: service_healthy } } }
`),
  );
  const running = desk.core.projects.up(id);
  running.catch(() => undefined);
  await vi.waitFor(
    async () => {
      const { services } = await desk.project(id);
      expect(services[1]?.step?.detail).toBe("Waiting until db is healthy");
    },
    { timeout: 15_000 },
  );
  await expect(desk.core.projects.down(id, { volumes: false })).rejects.toThrow(
    "is being brought up now",
  );
  desk.core.operations.cancel((await desk.project(id)).operationId as string);
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await desk.names(id)).toEqual(["shop-db-1"]);
});

test("files of the project: an override, .env, configs and secrets", async () => {
  const at = join(desk.root, "files");
  await mkdir(at);
  await writeFile(join(at, ".env"), "WHO=world\nTOKEN=hush\n");
  await writeFile(join(at, "hello.txt"), "hello from a file\n");
  await writeFile(
    join(at, "compose.yaml"),
    `
services:
  say:
    image: ${desk.image}
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
  const source = await desk.core.projects.open(at);
  expect(source.files.map(({ name }) => name)).toEqual(["compose.yaml", "compose.override.yaml"]);
  const { id } = await desk.core.projects.import(source);
  expect(id).toBe("files");
  await desk.core.projects.up(id);
  await vi.waitFor(async () => expect(await desk.outputOf("files-say-1")).toContain("world"), {
    timeout: 15_000,
  });
  // The secret is the variable's value alone, with no newline after it.
  expect(await desk.outputOf("files-say-1")).toBe("hello from a file\nport = 80\nhushhello, world");
});

test.skipIf((await Buildah.version()) === undefined)(
  "a service is built where it is not yet, and made anew when it is built again (needs buildah)",
  async () => {
    const at = join(desk.root, "built");
    await mkdir(at, { recursive: true });
    const write = (word: string): Promise<void> =>
      writeFile(join(at, "Dockerfile"), `FROM ${desk.image}\nARG WHO\nENV SAID="${word} $WHO"\n`);
    await write("hello");
    const text = `
services:
  say: { build: { context: ., args: { WHO: world } }, command: ["sh", "-c", "echo $$SAID"] }
`;
    const id = await desk.bringUp(text, { directory: at });
    const said = (text: string): Promise<void> =>
      vi.waitFor(async () => expect(await desk.outputOf("built-say-1")).toBe(text), {
        timeout: 15_000,
      });
    await said("hello world");
    await write("bye");
    await vi.waitFor(async () => expect((await desk.project(id)).state).toBe("stopped"));
    const { services } = await desk.core.projects.plan(id);
    expect(services[0]).toMatchObject({ imageAction: "keep", containers: [{ action: "start" }] });
    await desk.core.projects.up(id, { build: true });
    await said("bye world");
    await desk.core.projects.down(id, { volumes: true });
  },
);

test("an image that can't be had fails its service alone", async () => {
  const { id } = await desk.core.projects.import(
    desk.sourceOf(`
name: shop
services:
  web: { image: "127.0.0.1:1/none:1" }
  never: { image: "127.0.0.1:1/other:1", pull_policy: never }
  other: { image: ${desk.image}, command: ${stays()} }
`),
  );
  await expect(desk.core.projects.up(id)).rejects.toThrow(/^Not all of “shop” is up/);
  expect(await desk.names(id)).toEqual(["shop-other-1"]);
  const { services } = await desk.project(id);
  expect(services.map(({ step }) => step?.state)).toEqual(["failed", "failed", "done"]);
  expect(services[1]?.step?.error?.message).toContain("is not to be pulled");
});
