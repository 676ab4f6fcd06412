import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from "vitest";
import { startRegistry } from "../../registry/testing.ts";
import { openTestCore, type TestCore } from "../test-core.ts";
import { pushed, TestImages } from "../test-images.ts";
import { Buildah } from "./buildah.ts";

const run = promisify(execFile);
const version = await Buildah.version();

describe.skipIf(version === undefined)("a build (needs buildah)", () => {
  let t: TestCore;
  let context: string;
  let count = 0;

  beforeAll(async () => {
    t = await openTestCore();
    context = join(t.dir, "context");
  });
  beforeEach(async () => {
    await mkdir(context, { recursive: true });
    await t.core.images.ensureStarter();
  });
  afterEach(async () => {
    for (const { id } of await t.core.containers.list()) await t.core.containers.delete(id, true);
    await t.core.images.prune("unused");
    await t.requireTidy();
    const { stdout } = await run("pgrep", ["-af", `buildah.*${t.dir}`]).catch(() => ({
      stdout: "",
    }));
    expect(stdout).toBe("");
  });
  afterAll(() => t.close());

  const build = async (
    dockerfile: string,
    change: Partial<Parameters<TestCore["core"]["builds"]["build"]>[0]> = {},
  ) => {
    await writeFile(join(context, "Dockerfile"), dockerfile);
    const buildId = `build-${(count += 1)}`;
    const lines: string[] = [];
    const log = (async () => {
      const abort = new AbortController();
      for await (const { text } of t.core.builds.watch(buildId, abort.signal)) lines.push(text);
    })();
    const built = t.core.builds.build({ buildId, context, args: {}, name: "built:1", ...change });
    return { built, lines, log };
  };

  test("of an image that is here, with arguments, files, a target and a live log", async () => {
    expect(await t.core.builds.builder()).toEqual({ tool: "buildah", version });
    await writeFile(join(context, "file"), "from the context");
    const { built, lines, log } = await build(
      `ARG BASE=nothing
FROM \${BASE} AS first
ARG WHO=nobody
COPY file /file
RUN echo "hello $WHO" > /greeting && echo said
CMD ["cat", "/greeting", "/file"]
LABEL a=b
FROM first AS second
RUN rm /file
`,
      { args: { BASE: "busybox:host", WHO: "you" }, target: "first" },
    );
    const image = await built;
    await log;
    expect(image).toMatchObject({
      ...{ names: ["built:1"], source: "build", origin: context },
      config: { cmd: ["cat", "/greeting", "/file"], labels: expect.objectContaining({ a: "b" }) },
    });
    expect(lines).toContain("said");
    const ran = await t.run(image.id, []);
    expect(ran).toMatchObject({ code: 0, output: "hello you\nfrom the context" });
    const { history } = await t.core.images.detail(image.id);
    expect(history[0]?.layer?.sharedWith).toEqual(["busybox:host"]);
  });

  test("of an image in a registry on loopback", async () => {
    const registry = await startRegistry(join(t.dir, "registry"));
    onTestFinished(() => registry.close());
    const image = await new TestImages(join(t.dir, "images")).make({ random: 1000, gzip: true });
    await pushed(image, registry.host, "base:1");
    const { built } = await build(`FROM ${registry.host}/base:1\nRUN echo more >> /etc/marker\n`);
    expect((await t.run((await built).id, ["cat", "/etc/marker"])).output).toBe("markedmore");
  });

  test("that fails says where, and leaves nothing", async () => {
    const { built, log, lines } = await build("FROM busybox:host\nRUN echo before; exit 7\n");
    await expect(built).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("exit status 7"),
      details: { output: expect.stringContaining("before") },
    });
    await log;
    expect(lines).toContain("before");
    expect(t.core.images.findByName("built:1")).toBeUndefined();
    const missing = await build("FROM busybox:host\n", { dockerfile: "other" });
    await expect(missing.built).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is cancelled with all that it started", async () => {
    const { built, lines } = await build(
      "FROM busybox:host\nRUN (sleep 1000 &) ; echo begun; sleep 1000\n",
    );
    built.catch(() => undefined);
    await expect.poll(() => lines, { timeout: 30_000 }).toContain("begun");
    const abort = new AbortController();
    for await (const { put } of t.core.operations.watch(abort.signal)) {
      const running = put.find(({ kind, status }) => kind === "build" && status === "running");
      if (running) t.core.operations.cancel(running.id);
      break;
    }
    abort.abort();
    await expect(built).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await readFile("/proc/self/mounts", "utf8")).not.toContain(t.dir);
  });

  test("goes on from where the last one was the same", async () => {
    const dockerfile = "FROM busybox:host\nRUN head -c 16 /dev/urandom | md5sum > /random\n";
    const first = await (await build(dockerfile)).built;
    const second = await (await build(dockerfile)).built;
    const third = await (await build(dockerfile, { noCache: true })).built;
    const random = async (id: string) => (await t.run(id, ["cat", "/random"])).output;
    expect(await random(second.id)).toBe(await random(first.id));
    expect(await random(third.id)).not.toBe(await random(first.id));
    await t.core.builds.clearCache();
  });
});
