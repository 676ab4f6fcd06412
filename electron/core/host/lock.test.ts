import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireLock, currentHolder } from "./lock.ts";
import { resolvePaths } from "./paths.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-lock-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test("a root has one manager, and the second is told who it is", async () => {
  const paths = resolvePaths({}, 0, "/", root);
  expect(await currentHolder(paths)).toBeUndefined();
  const lock = await acquireLock({ paths, kind: "test" });
  lock.setUrl("http://127.0.0.1:1/");
  const refused = acquireLock({ paths, kind: "second" });
  await expect(refused).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining(`process ${process.pid}, test`),
    details: { hint: expect.stringContaining("http://127.0.0.1:1/") },
  });
  expect(await currentHolder(paths)).toMatchObject({ pid: process.pid, kind: "test" });
  lock.dispose();
  const next = await acquireLock({ paths, kind: "next" });
  expect(await currentHolder(paths)).toMatchObject({ kind: "next" });
  next.dispose();
});

test("of many that start together one wins, over what a killed one left", async () => {
  const paths = resolvePaths({}, 0, "/", root);
  await mkdir(paths.state, { recursive: true });
  await writeFile(join(paths.state, "manager.sock"), "stale");
  const attempts = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => acquireLock({ paths, kind: `k${index}` })),
  );
  const won = attempts.filter(({ status }) => status === "fulfilled");
  expect(won).toHaveLength(1);
  for (const attempt of attempts) if (attempt.status === "fulfilled") attempt.value.dispose();
});

test("one that was just killed may hold its sockets for a moment", async () => {
  const paths = resolvePaths({}, 0, "/", root);
  const dying = await acquireLock({ paths, kind: "dying" });
  // Nobody answers for it any more.
  await rm(join(paths.state, "manager.sock"));
  const next = acquireLock({ paths, kind: "next" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  dying.dispose();
  (await next).dispose();
});

test("a root reached through a link is the same root", async () => {
  const lock = await acquireLock({ paths: resolvePaths({}, 0, "/", root), kind: "test" });
  const link = `${root}-link`;
  await symlink(root, link);
  const second = acquireLock({ paths: resolvePaths({}, 0, "/", link), kind: "test" });
  await expect(second).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  lock.dispose();
  await rm(link);
});
