import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { type ProcessIdentity, processStat } from "#core/host/proc";
import { endWithin, signalPid } from "./process-dir.ts";

async function begin(...argv: [string, ...string[]]) {
  const child = spawn(argv[0], argv.slice(1), { stdio: "ignore" });
  await once(child, "spawn");
  const pid = child.pid as number;
  const startTime = (await processStat(pid))?.startTime as number;
  const identity: ProcessIdentity = { pid, startTime };
  return { child, identity, ended: once(child, "exit") };
}

test("a process that ends in its time is left to it", async () => {
  const { identity, ended } = await begin("sleep", "0.2");
  await endWithin(identity, 60_000);
  expect(await ended).toEqual([0, null]);
});

test("one that does not is ended", async () => {
  const { identity, ended } = await begin("sleep", "60");
  await endWithin(identity, 20);
  expect(await ended).toEqual([null, "SIGKILL"]);
});

test("another that was given its pid is not", async () => {
  const { child, identity, ended } = await begin("sleep", "60");
  await endWithin({ ...identity, startTime: identity.startTime - 1 }, 0);
  child.kill("SIGTERM");
  expect(await ended).toEqual([null, "SIGTERM"]);
});

test("what is no pid is nobody's, least of all our own group's", () => {
  for (const pid of [0, -0, -1]) expect(signalPid(pid, 0)).toBe(false);
  expect(signalPid(process.pid, 0)).toBe(true);
});
