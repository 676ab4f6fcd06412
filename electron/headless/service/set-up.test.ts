import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { resolvePaths } from "#core/host/paths";
import { expect, test } from "vitest";
import { describeSetUp, unitFor, unitName } from "./set-up.ts";

const dist = join(import.meta.dirname, "../../../dist");
const shipped = await readFile(join(dist, `../assets/${unitName}.service`), "utf8");

test("the unit runs the build that the window is of, whatever its path is made of", () => {
  const argv = ['/opt/my apps/50% "off"/node', "/srv/$HOME/back\\slash.js", "--socket", "/run/s"];
  const unit = unitFor(shipped, argv, { SHIMYARD_CRIU: "/opt/c$ 1%/criu" });
  expect(unit).toContain(
    `\nEnvironment="SHIMYARD_CRIU=/opt/c$ 1%%/criu"\n` +
      `ExecStart="/opt/my apps/50%% \\"off\\"/node" "/srv/$$HOME/back\\\\slash.js" --socket /run/s\n`,
  );
  expect(unit.match(/^ExecStart=/gm)).toHaveLength(1);
  expect(unit.replace(/^(ExecStart|Environment="S).*\n/gm, "")).toBe(
    shipped.replace(/^ExecStart=.*\n/m, ""),
  );
});

const verifier = "/usr/bin/systemd-analyze";
const hasVerifier = await access(verifier).then(
  () => true,
  () => false,
);

test.skipIf(!hasVerifier)("systemd finds nothing wrong with it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "shimyard-unit-"));
  try {
    const file = join(dir, `${unitName}.service`);
    await writeFile(file, unitFor(shipped, [process.execPath, "a b.js"], {}));
    const { stdout, stderr } = await promisify(execFile)(verifier, ["verify", file]);
    expect(stdout + stderr).toBe("");
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("it is said to be the manager of root's own containers, and of nobody else's", async () => {
  const of = (uid: number) => describeSetUp(dist, resolvePaths({}, uid, "/home/ann"));
  expect(await of(0)).toMatchObject({ same: true });
  const setUp = await of(1000);
  expect(setUp).toMatchObject({ same: false, group: "shimyard", socket: "/run/shimyard.sock" });
  expect(setUp.steps.find(({ kind }) => kind === "start")).toBeDefined();
});
