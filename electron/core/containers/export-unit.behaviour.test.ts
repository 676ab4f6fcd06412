import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exportUnit } from "#shared/export-unit/export-unit";
import { comparable, draftOfWords, systemdWords, unitValues } from "#shared/export-unit/testing";
import type { RunDraft } from "#shared/run-line/draft";
import { draftArbitrary } from "#shared/run-line/testing";
import { thisHost } from "../host/this-host.ts";
import { firstExecutable } from "../host/prerequisites-tools.ts";

const run = promisify(execFile);
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-units-"));
});
afterEach(() => rm(directory, { recursive: true }));

const find = (...commands: string[]) => firstExecutable(commands, thisHost());

/** Containers with what Quadlet can say: arguments that are words, and what podman has of checks. */
const sayable = draftArbitrary.map((draft): RunDraft => {
  const { healthCheck, ...rest } = draft;
  const { startIntervalSeconds: _, ...check } = healthCheck ?? {};
  return {
    ...rest,
    ...(Object.keys(check).length > 0 ? { healthCheck: check } : {}),
    name: "web",
    args: draft.args.filter((word) => word !== "" && word !== ";"),
  };
});

test("podman makes of a Quadlet file the container that it was written for", async (context) => {
  const places = ["/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet"];
  const quadlet = await find("quadlet", ...places);
  if (!quadlet) {
    context.skip("this machine's podman has no Quadlet");
    return;
  }
  const units = join(directory, "units");
  await mkdir(units);
  const drafts = fc.sample(sayable, { numRuns: 200, seed: 20_261_124 });
  for (const [at, draft] of drafts.entries()) {
    const { text } = exportUnit(draft, "nginx:1", { form: "quadlet", user: false });
    await writeFile(join(units, `c${at}.container`), text);
  }
  const { stdout } = await run(quadlet, ["-dryrun", "-no-kmsg-log"], {
    env: { QUADLET_UNIT_DIRS: units },
    maxBuffer: 1 << 26,
  });
  const services = stdout.split(/^---(?=c\d+\.service---$)/m).slice(1);
  expect(services).toHaveLength(drafts.length);
  for (const service of services) {
    const draft = drafts[Number(/^c(\d+)/.exec(service)?.[1])] as RunDraft;
    const [line = ""] = unitValues(service, "ExecStart");
    expect(comparable(draftOfWords(systemdWords(line)).draft)).toEqual(comparable(draft));
  }
});

test("systemd finds nothing wrong with a unit", async (context) => {
  const analyze = await find("systemd-analyze");
  // What a unit calls has to be there.
  const program = await find("true");
  if (!analyze || !program) {
    context.skip("this machine has no systemd-analyze");
    return;
  }
  for (const form of ["podman", "docker"] as const) {
    for (const [at, draft] of fc.sample(sayable, { numRuns: 5, seed: 1 }).entries()) {
      const { text } = exportUnit(draft, "nginx:1", { form, user: false, program });
      const path = join(directory, `${form}-${at}.service`);
      // What it is to wait for is not here.
      await writeFile(path, text.replaceAll(/^(Wants|After)=.*\n/gm, ""));
      const { stderr } = await run(analyze, ["verify", "--man=no", path], {
        env: { ...process.env, SYSTEMD_LOG_LEVEL: "warning" },
      });
      expect(stderr.split("\n").filter((words) => words.includes(directory))).toEqual([]);
    }
  }
});
