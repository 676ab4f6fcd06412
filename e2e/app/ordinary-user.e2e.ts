import { connect } from "node:net";
import { makeContainer, starterImage, waitForState } from "../harness/containers.ts";
import { Home } from "../harness/home.ts";
import { OrdinaryUser } from "../harness/ordinary-user.ts";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test as base } from "../harness/test.ts";

const test = base.extend<{ userHome: Home }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the parameter's form
  userHome: async ({}, use) => {
    const user = await OrdinaryUser.make();
    try {
      const home = await Home.of(user);
      await use(home);
      await home.remove();
    } finally {
      await user.remove();
    }
  },
});

test.skip(process.getuid?.() !== 0, "only root can make the user that this needs");

test("an ordinary user's containers: created, entered, read, stopped, found again, deleted", async ({
  userHome,
}) => {
  const first = await userHome.startHeadless();
  let client = await first.connect();
  const imageId = await starterImage(client);
  const { id } = await makeContainer(client, {
    name: "mine",
    imageId,
    args: ["sh", "-c", "id -u; while :; do echo tick; sleep 1; done"],
  });
  const { exitCode, stdout } = await client.call("containers.exec", {
    id,
    args: ["sh", "-c", "id -u; touch /made-here && ls /made-here"],
  });
  expect(exitCode).toBe(0);
  expect(new TextDecoder().decode(stdout)).toBe("0\n/made-here\n");
  await first.kill9();

  const second = await userHome.startHeadless();
  client = await second.connect();
  await waitForState(client, id, "running");
  const { lines } = await client.call("logs.read", { id, from: 0, count: 2 });
  expect(lines.map(({ text }) => text)).toEqual(["0", "tick"]);
  await client.call("containers.stop", { id, graceSeconds: 1 });
  await waitForState(client, id, "exited");
  await client.call("containers.delete", { id });
  expect(await client.call("containers.list", {})).toEqual([]);
});

test("a check in an ordinary user's container is killed at its timeout, whoever it runs as", async ({
  userHome,
}) => {
  const app = await userHome.startHeadless();
  const client = await app.connect();
  const { id } = await makeContainer(client, {
    ...{ name: "checked", imageId: await starterImage(client), args: ["sleep", "1000"] },
    // Another of its ids than the manager's own, whose processes are not the manager's to signal.
    user: "www-data",
    healthCheck: {
      ...{ test: ["CMD-SHELL", "sleep 4321 & sleep 4322; true"], retries: 1 },
      ...{ intervalSeconds: 0.2, timeoutSeconds: 1 },
    },
  });
  for await (const { failingStreak, results } of client.stream("containers.watchHealth", { id })) {
    if (failingStreak < 3) continue;
    expect(results.at(-1)?.output).toBe("It was killed after 1 s");
    break;
  }
  // Of three none is left; a fourth may be under way.
  await expect
    .poll(async () => {
      const { stdout } = await client.call("containers.exec", { id, args: ["ps", "-o", "args"] });
      return new TextDecoder().decode(stdout).split("sleep 432").length - 1;
    })
    .toBeLessThanOrEqual(2);
  await client.call("containers.delete", { id, force: true });
});

test("an ordinary user's containers reach the world, and are reached by published ports", async ({
  userHome,
}) => {
  const first = await userHome.startHeadless();
  let client = await first.connect();
  const { ports: able } = await client.call("networks.abilities", {});
  test.skip(!able.ok, able.reason ?? "");
  const imageId = await starterImage(client);
  const { id } = await makeContainer(client, {
    name: "web",
    imageId,
    args: ["nc", "-ll", "-p", "80", "-e", "hostname"],
    hostname: "mine",
    ports: [{ containerPort: 80, protocol: "tcp" }],
  });
  const portOf = async (): Promise<number> =>
    (await client.call("containers.list", {}))[0]?.ports[0]?.hostPort ?? 0;
  const port = await portOf();
  expect(port).toBeGreaterThan(1023);
  await expect.poll(() => answer(port)).toBe("mine");
  const { stdout } = await client.call("containers.exec", {
    id,
    args: ["sh", "-c", "ip route; cat /etc/resolv.conf /etc/hosts"],
  });
  const words = new TextDecoder().decode(stdout);
  expect(words).toContain("default via");
  expect(words).toContain("nameserver 169.254.1.1");
  const taken = { containerPort: 80, hostPort: port, protocol: "tcp" as const };
  const { reason } = await client.call("networks.checkPort", taken);
  expect(reason).toContain(`Port ${port} is taken by container "web"`);
  await first.kill9();
  // Nobody of ours runs, and it goes on.
  await expect.poll(() => answer(port)).toBe("mine");

  const second = await userHome.startHeadless();
  client = await second.connect();
  await waitForState(client, id, "running");
  expect(await portOf()).toBe(port);
  await client.call("containers.delete", { id, force: true });
  expect(await answer(port)).toBe("refused");
});

/** What a port of this machine says. */
function answer(port: number): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("data", (data) => (said += data.toString()));
    socket.on("error", () => resolve("refused"));
    socket.on("close", () => resolve(said.trim()));
  });
}

test("what needs root is disabled for an ordinary user, with the reason", async ({ userHome }) => {
  const app = await userHome.startHeadless();
  const client = await app.connect();
  for await (const info of client.stream("system.watch", {})) {
    if (info.probing) continue;
    expect(info.user.rootless).toBe(true);
    expect(info.abilities.checkpoint.ok).toBe(false);
    expect(info.abilities.checkpoint.reason).toMatch(/root/);
    break;
  }
});

test("an ordinary user's window: a container from the first to the last click", async ({
  userHome,
  page,
}) => {
  const app = await userHome.startHeadless();
  await page.goto(app.url);
  const window = new ShimyardWindow(page);
  await window.create("mine", "sh -c 'while :; do echo tick; sleep 1; done'");
  const terminal = await window.openTerminal("mine");
  await window.type("echo uid-$(id -u)");
  await window.expectOnScreen(terminal, "uid-0");
  await window.choose("mine", "Logs");
  await expect(window.dock.getByRole("region", { name: "Logs of mine" })).toContainText("tick");

  await window.row("mine").click({ button: "right" });
  const checkpoint = page.getByRole("menuitem", { name: /^Checkpoint…/ });
  await expect(checkpoint).toBeDisabled();
  await expect(checkpoint).toContainText(/root/);
  await page.keyboard.press("Escape");

  await window.choose("mine", "Stop");
  await expect(window.row("mine")).toContainText("Exited");
  await window.choose("mine", "Delete…");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(window.row("mine")).toHaveCount(0);
});
