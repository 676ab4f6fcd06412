import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppContract } from "#shared/contract/index";
import type { Container } from "#shared/contract/containers";
import type { Client } from "#shared/rpc/define";
import { makeContainer, starterImage, waitForState } from "../harness/containers.ts";
import { expect, test } from "../harness/test.ts";
import { sleep } from "../harness/wait.ts";

/** A line each 20 ms or so, numbered from 0. */
const counter = ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); usleep 20000; done"];

test("a killed app loses no container, log line or exit status", async ({ home }) => {
  const before: Container[] = [];
  const ending = { id: "", code: 7 };
  {
    const app = await home.startHeadless();
    const client = await app.connect();
    const imageId = await starterImage(client);
    for (let n = 0; n < 20; n++) {
      before.push(await makeContainer(client, { name: `counter-${n}`, imageId, args: counter }));
    }
    const { id } = await makeContainer(client, {
      name: "ending",
      imageId,
      args: ["sh", "-c", `sleep 3; exit ${ending.code}`],
    });
    ending.id = id;
    await app.kill9();
  }
  // Time for the lines and the exit that nobody watches.
  await sleep(5000);

  const app = await home.startHeadless();
  const client = await app.connect();
  const after = await client.call("containers.list", {});
  for (const was of before) {
    const is = after.find(({ id }) => id === was.id);
    expect(is, was.name).toBeDefined();
    expect(is?.state.status).toBe("running");
    expect(is?.state.pid, `${was.name} was not restarted`).toBe(was.state.pid);
    expect(is?.restartCount).toBe(0);
    await expectUnbrokenLog(client, was.id);
  }
  const ended = after.find(({ id }) => id === ending.id)!.state;
  expect(ended.status).toBe("exited");
  expect(ended.exitCode).toBe(ending.code);
  // The exit's own time, not that of the restart.
  const written = (await readFile(exitStamp(home.root, ending.id), "utf8")).trim();
  expect(written).toBe(String(ending.code));
  const created = after.find(({ id }) => id === ending.id)!.createdAt;
  expect(ended.exitedAt).toBeGreaterThanOrEqual(created + 2500);
  expect(ended.exitedAt).toBeLessThan(Date.now() - 500);
});

test("a lost shim is shown as lost; the others are untouched; stop and delete work on it", async ({
  home,
}) => {
  const app = await home.startHeadless();
  const client = await app.connect();
  const imageId = await starterImage(client);
  const lost = await makeContainer(client, { name: "lost", imageId, args: counter });
  const other = await makeContainer(client, { name: "other", imageId, args: counter });
  const { shim } = await client.call("containers.get", { id: lost.id });
  process.kill(shim!.pid!, "SIGKILL");

  const seen = await waitForState(client, lost.id, "shim-lost");
  expect(seen.state.error?.message).toContain("shim");
  expect((await client.call("containers.get", { id: other.id })).container.state.pid).toBe(
    other.state.pid,
  );

  await client.call("containers.stop", { id: lost.id, graceSeconds: 1 });
  await waitForState(client, lost.id, "exited");
  await client.call("containers.delete", { id: lost.id });
  expect((await client.call("containers.list", {})).map(({ name }) => name)).toEqual(["other"]);
});

/** conmon's own record of an exit. */
function exitStamp(root: string, id: string): string {
  return join(root, "data/tasks/default", id, "processes/init/exit");
}

async function expectUnbrokenLog(client: Client<AppContract>, id: string): Promise<void> {
  const texts: string[] = [];
  for (;;) {
    const { lines } = await client.call("logs.read", { id, from: texts.length, count: 5000 });
    if (lines.length === 0) break;
    texts.push(...lines.map(({ text }) => text));
  }
  expect(texts.length).toBeGreaterThan(50);
  const wrong = texts.findIndex((text, index) => text !== `line ${index}`);
  // The last may be in the middle of being written.
  expect(wrong === -1 || wrong === texts.length - 1, `${texts[wrong]} at ${wrong}`).toBe(true);
}
