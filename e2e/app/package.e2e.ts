import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { makeContainer, starterImage } from "../harness/containers.ts";
import { MachineService } from "../harness/machine-service.ts";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test } from "../harness/test.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

test("the packaged app starts and shows the containers that are there", async ({ home }) => {
  test.setTimeout(300_000);
  await promisify(execFile)(process.execPath, ["scripts/package.mjs"], { cwd: project });

  const headless = await home.startHeadless();
  const client = await headless.connect();
  const imageId = await starterImage(client);
  await makeContainer(client, { name: "was-here", imageId, args: ["sleep", "1000"] });
  await headless.stop();

  const { page } = await home.startElectron(`${project}/release/linux-unpacked/shimyard`);
  const window = new ShimyardWindow(page);
  await expect(window.row("was-here")).toContainText("Running");
  // Threads, the database and the shims' sockets work from inside the package too.
  const terminal = await window.openTerminal("was-here");
  await window.type("echo packaged-$((1+1))");
  await window.expectOnScreen(terminal, "packaged-2");
  // And so does the process that files are touched in, which is the package's binary as a Node.
  await window.choose("was-here", "Files");
  await expect(page.getByRole("grid", { name: "Files in /" })).toContainText("bin");

  // The machine's manager, as its unit starts it.
  test.skip(process.getuid?.() !== 0, "only root can run the machine's manager");
  const service = await MachineService.start("nobody-is-in-it", [
    `${project}/release/linux-unpacked/shimyard`,
    `${project}/release/linux-unpacked/resources/app.asar/dist/headless/service.js`,
  ]);
  try {
    const root = await service.connect();
    await makeContainer(root, {
      name: "of-the-machine",
      imageId: await starterImage(root),
      args: ["sleep", "1000"],
    });
  } finally {
    await service.remove();
  }
});
