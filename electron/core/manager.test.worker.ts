import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContainerConfig } from "#shared/contract/containers";
import { defaultNamespace } from "./base/ids.ts";
import { createCore } from "./core.ts";
import { bundleDir, resolvePaths } from "./host/paths.ts";

/**
 * For survival.behaviour.test.ts: a manager of its own process, to be killed. Makes containers that
 * write numbered lines, tells which, then creates and deletes others until it is killed. Given an archive or `pull:NAME`,
 * it imports or pulls that instead, and tells once this is under way. Given `health`, it tells of a check that hangs, with
 * the check's pid. Given `waits`, it tells of a container and of the next one's place once this has been made ready; given
 * `connects`, of a container that has its network, and of which no record is written yet.
 */
const [root = "", keep = "0", archive] = process.argv.slice(2);
const paths = resolvePaths({}, 0, "/root", root);
const core = await createCore({
  paths,
  version: "0.0.0",
  kind: "test",
});
await core.ready;
if (archive === "health") {
  const { id: imageId } = await core.images.ensureStarter();
  const hangs = { test: ["CMD", "sleep", "4321"], intervalSeconds: 0.1, timeoutSeconds: 4000 };
  const { id } = await core.containers.create(
    { ...config("hangs", "sleep 1000", imageId), healthCheck: hangs },
    true,
  );
  const task = core.containers.lifecycle.task(id);
  for (;;) {
    const check = (await task?.pids())?.find(({ process }) => process === undefined);
    const line = await readFile(`/proc/${check?.pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes("4321")) process.send?.({ kept: [{ id, pid: check?.pid, ends: true }] });
    if (line.includes("4321")) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise(() => undefined);
}
if (archive === "waits") {
  const { id: imageId } = await core.images.ensureStarter();
  const { id } = await core.containers.create(config("kept", "sleep 1000", imageId), true);
  const pid = core.containers.lifecycle.task(id)?.state.pid;
  for (;;) {
    const ids = await readdir(dirname(bundleDir(paths, defaultNamespace, id)));
    const next = ids.find((one) => one !== id);
    const place = next && (await readdir(bundleDir(paths, defaultNamespace, next)));
    // Its shim makes that.
    if (place?.includes("config.json")) process.send?.({ kept: [{ id, pid }, { id: next }] });
    if (place?.includes("config.json")) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise(() => undefined);
}
if (archive === "connects") {
  const { id: imageId } = await core.images.ensureStarter();
  const { connections } = core.networks;
  const prepare = connections.prepare.bind(connections);
  connections.prepare = async (container, ...more) => {
    await prepare(container, ...more);
    process.send?.({ kept: [{ id: container.id }] });
    return new Promise(() => undefined);
  };
  await core.containers.create(config("connects", "sleep 1000", imageId), true);
}
if (archive?.startsWith("pull:")) {
  void core.transfers.pull(archive.slice("pull:".length));
  for await (const { put } of core.transfers.watch(new AbortController().signal)) {
    if (put.some(({ layers }) => layers.some(({ done }) => done > 5_000_000))) break;
  }
  process.send?.({ kept: [] });
  await new Promise(() => undefined);
}
if (archive !== undefined) {
  void core.images.importTar({ path: archive, name: "test:cut-off" });
  for await (const { put } of core.operations.watch(new AbortController().signal)) {
    if (put.some(({ detail }) => detail?.endsWith("MiB"))) break;
  }
  process.send?.({ kept: [] });
  await new Promise(() => undefined);
}
const { id: imageId } = await core.images.ensureStarter();

const forever = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done";
const awhile = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.02; done; exit 9";

const kept: { id: string; pid: number | undefined; ends: boolean }[] = [];
for (let i = 0; i < Number(keep); i += 1) {
  const ends = i % 4 === 3;
  const { id } = await core.containers.create(
    config(`kept-${i}`, ends ? awhile : forever, imageId),
    true,
  );
  kept.push({ id, pid: core.containers.lifecycle.task(id)?.state.pid, ends });
}
process.send?.({ kept });

async function churn(name: string): Promise<never> {
  for (let i = 0; ; i += 1) {
    const { id } = await core.containers.create(config(`${name}-${i}`, forever, imageId), true);
    await core.containers.delete(id, true);
  }
}
await Promise.all([churn("one"), churn("two")]);

function config(name: string, script: string, imageId = ""): ContainerConfig {
  return {
    ...{ name, imageId, args: ["sh", "-c", script], env: [], terminal: false },
    ...{ limits: {}, restart: { name: "no" }, labels: {} },
    ports: [{ containerPort: 80, protocol: "tcp" }],
  };
}
