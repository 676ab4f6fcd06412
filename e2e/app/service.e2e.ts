import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { makeContainer, starterImage, waitForState } from "../harness/containers.ts";
import { HeadlessApp } from "../harness/headless-app.ts";
import { Home } from "../harness/home.ts";
import { MachineService } from "../harness/machine-service.ts";
import { OrdinaryUser } from "../../scripts/lib/ordinary-user.mjs";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test as base } from "../harness/test.ts";

const run = promisify(execFile);
const group = `shimyard-group-${process.pid}`;

const test = base.extend<{ service: MachineService; user: OrdinaryUser; userHome: Home }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the parameter's form
  service: async ({}, use) => {
    await run("groupadd", ["--system", group]);
    try {
      const service = await MachineService.start(group);
      await use(service);
      await service.remove();
    } finally {
      await run("groupdel", [group]);
    }
  },
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the parameter's form
  user: async ({}, use) => {
    const user = await OrdinaryUser.make();
    try {
      await use(user);
    } finally {
      await user.remove();
    }
  },
  userHome: async ({ user, service }, use) => {
    const home = await Home.of(user);
    home.serviceSocket = service.socket;
    await use(home);
    await home.remove();
  },
});

test.skip(process.getuid?.() !== 0, "only root can run the machine's manager");

const forever = { args: ["sleep", "100000"] };

test("the machine's manager: root and members of its group are let in, and nobody else", async ({
  service,
  user,
  userHome,
}) => {
  const root = await service.connect();
  const imageId = await starterImage(root);
  const { id } = await makeContainer(root, { name: "of-the-machine", imageId, ...forever });

  const app = await userHome.startHeadless();
  const shell = await app.connectShell();
  const refusal = { code: "PERMISSION_DENIED", message: expect.stringContaining(user.name) };
  await expect(shell.call("shell.reachService", {})).rejects.toMatchObject({
    ...refusal,
    details: { hint: expect.stringContaining(`usermod --append --groups ${group} ${user.name}`) },
  });
  const refused = await app.connect("machine");
  await expect(refused.call("containers.list", {})).rejects.toMatchObject({ code: "UNAVAILABLE" });

  // At once, for the programs of that user that run already too.
  await run("usermod", ["--append", "--groups", group, user.name]);
  await shell.call("shell.reachService", {});
  const member = await app.connect("machine");
  expect((await member.call("containers.list", {})).map(({ name }) => name)).toEqual([
    "of-the-machine",
  ]);
  expect(await (await app.connect()).call("containers.list", {})).toEqual([]);
  const { stdout } = await member.call("containers.exec", { id, args: ["id", "-u"] });
  expect(new TextDecoder().decode(stdout)).toBe("0\n");

  await run("gpasswd", ["--delete", user.name, group]);
  await expect(shell.call("shell.reachService", {})).rejects.toMatchObject(refusal);
  const told = service.said.filter((line) => line.includes(`user ${user.uid}`));
  expect(told[0]).toMatch(/^Refused user/);
  expect(told[1]).toMatch(/^Let in user/);
});

test("its containers survive its end, it holds them again, and root's own window shows them", async ({
  service,
}) => {
  let client = await service.connect();
  const imageId = await starterImage(client);
  const { id } = await makeContainer(client, { name: "stays", imageId, ...forever });
  const { stdout: before } = await client.call("containers.exec", {
    id,
    args: ["sh", "-c", "echo kept > /mark; cat /proc/1/stat"],
  });
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await service.stop(signal);
    await service.start();
    client = await service.connect();
    await waitForState(client, id, "running");
  }
  const { stdout: after } = await client.call("containers.exec", {
    id,
    args: ["sh", "-c", "cat /mark /proc/1/stat"],
  });
  // Its 22nd field is when it began (proc(5)).
  const began = (stat: Uint8Array): string | undefined =>
    new TextDecoder().decode(stat).trim().split("\n").at(-1)?.split(" ")[21];
  expect(began(after)).toBe(began(before));
  expect(new TextDecoder().decode(after)).toContain("kept\n");

  // A second manager of one root there can't be: its window is joined to the first.
  const env = { ...process.env, SHIMYARD_ROOT: service.root, SHIMYARD_SOCKET: service.socket };
  const app = await HeadlessApp.start(env);
  try {
    const own = await app.connect();
    expect((await own.call("containers.list", {})).map(({ name }) => name)).toEqual(["stays"]);
    for await (const info of own.stream("system.watch", {})) {
      expect(info).toMatchObject({ kind: "service", paths: { data: `${service.root}/data` } });
      break;
    }
  } finally {
    await app.stop();
  }
  await waitForState(client, id, "running");
});

async function switchTo(page: Page, manager: "This user" | "This machine"): Promise<void> {
  const other = manager === "This user" ? "This machine" : "This user";
  await page.getByRole("banner").getByRole("button", { name: other }).click();
  await page.getByRole("menuitem", { name: manager, exact: true }).click();
}

test("in Electron: the window is switched to the machine's manager and back", async ({
  home,
  service,
}) => {
  const client = await service.connect();
  const imageId = await starterImage(client);
  await makeContainer(client, { name: "of-the-machine", imageId, ...forever });
  home.serviceSocket = service.socket;
  const { page } = await home.startElectron();
  const window = new ShimyardWindow(page);
  // Its own manager tries the runtimes of this machine before it lists anything.
  const first = page.getByRole("button", { name: "Create one from the starter image" });
  await expect(first).toBeVisible({ timeout: 60_000 });
  await window.create("of-mine", "sleep 100000");
  await window.openTerminal("of-mine");
  await switchTo(page, "This machine");
  await expect(window.row("of-the-machine")).toContainText("Running");
  await expect(window.row("of-mine")).toHaveCount(0);
  await expect(window.dock.getByRole("tab")).toHaveCount(0);
  const terminal = await window.openTerminal("of-the-machine");
  await window.type("echo through-$((1+1))-sockets");
  await window.expectOnScreen(terminal, "through-2-sockets");

  // It is restarted: the window says so, and is there again with its terminal.
  await service.stop();
  await expect(page.getByText("Reconnecting…")).toBeVisible();
  await expect(window.row("of-the-machine")).toBeVisible();
  await service.start();
  await expect(page.getByText("Reconnecting…")).toBeHidden();
  await expect(terminal.getByText(/connection broke/)).toBeHidden();
  await terminal.click();
  await window.type("echo again-$((1+1))");
  await window.expectOnScreen(terminal, "again-2");

  await switchTo(page, "This user");
  await expect(window.row("of-mine")).toContainText("Running");
  await expect(window.row("of-the-machine")).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Terminal in of-mine" })).toBeVisible();
});

test("an ordinary user's window says why it can't be switched, and is once it can", async ({
  service,
  user,
  userHome,
  page,
}) => {
  const client = await service.connect();
  const imageId = await starterImage(client);
  await makeContainer(client, { name: "of-the-machine", imageId, ...forever });
  const app = await userHome.startHeadless();
  await page.goto(app.url);
  await expect(page.getByRole("heading", { name: "Containers", exact: true })).toBeVisible();
  await switchTo(page, "This machine");
  await expect(page.getByRole("heading", { name: /is not in the group/ })).toBeVisible();
  await run("usermod", ["--append", "--groups", group, user.name]);
  await expect(new ShimyardWindow(page).row("of-the-machine")).toContainText("Running");
});
