import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { createCore } from "../core.ts";
import { runCommand } from "../host/command.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { mark } from "./addresses.ts";
import { networkTraces } from "./testing.ts";
import { answering, ask, idle, rootless, useNetworks } from "./test-desk.ts";

const { own, traces, config, start, inside, portOf, memberOf } = useNetworks();

test("while no manager runs, ports and names go on; what ended meanwhile leaves nothing", async () => {
  const web = await start(answering(), {
    ...{ name: "web", hostname: "web", ports: [{ containerPort: 80, protocol: "tcp" }] },
  });
  const near = await start(idle);
  const [port, { ip4 }] = [await portOf(web), await memberOf("bridge", near)];
  const pids = [web, near].map((id) => own.core.containers.lifecycle.task(id)?.state.pid ?? 0);
  await own.core.close();
  expect(await ask("127.0.0.1", port)).toBe("web");
  await own.reopen();
  expect(await ask("127.0.0.1", port)).toBe("web");
  expect(await inside(near, "nc", "web", "80")).toBe("web");
  expect(await portOf(web)).toBe(port);
  await own.core.close();
  // As after a reboot, too: nothing of it is there, but for the records.
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await own.reopen();
  await vi.waitFor(async () => expect(await traces()).toEqual([]), { timeout: 10_000 });
  expect(await memberOf("bridge", near)).toMatchObject({ ip4, connected: false });
});

test.skipIf(rootless)(
  "a ruleset that somebody flushed and a bridge that is gone come back with the next change",
  async () => {
    const web = await start(answering(), {
      ...{ hostname: "web", ports: [{ containerPort: 80, protocol: "tcp" }] },
    });
    const [network] = await own.core.networks.list();
    await runCommand(["nft", "delete", "table", "inet", `shimyard_${mark(own.paths.data, 6)}`]);
    await runCommand(["ip", "link", "del", network?.bridge ?? ""]);
    await own.core.containers.lifecycle.restart(web, 0);
    expect(await ask("127.0.0.1", await portOf(web))).toBe("web");
  },
);

test.skipIf(rootless)(
  "a bridge that a killed manager had not set up to its end works from the next start on",
  async () => {
    const id = await start(answering(), {
      ...{ hostname: "web", ports: [{ containerPort: 80, protocol: "tcp" }] },
    });
    const [network] = await own.core.networks.list();
    await own.core.close();
    await writeFile(`/proc/sys/net/ipv4/conf/${network?.bridge}/route_localnet`, "0");
    await own.reopen();
    expect(await ask("127.0.0.1", await portOf(id))).toBe("web");
  },
);

test.runIf(rootless)(
  "who holds the namespaces may be killed, and those who run are none the worse for it",
  async () => {
    const web = await start(answering(), {
      ...{ hostname: "web", ports: [{ containerPort: 80, protocol: "tcp" }] },
    });
    const file = join(own.paths.state, "namespaces/pid");
    const holder = Number(await readFile(file, "utf8"));
    process.kill(holder, "SIGKILL");
    await own.reopen();
    expect(await ask("127.0.0.1", await portOf(web))).toBe("web");
    expect(Number(await readFile(file, "utf8"))).not.toBe(holder);
    // In the same user namespace: what runs can be joined to a network still.
    const near = await start(idle, { networks: "none" });
    await own.core.networks.create({ name: "later" });
    await own.core.containers.membership.connect(web, { name: "later" });
    await own.core.containers.membership.connect(near, { name: "later" });
    const { ip4 } = await memberOf("later", web);
    expect(await inside(near, "nc", "-w", "5", ip4, "80")).toBe("web");
  },
);

test.runIf(rootless)("nobody holds namespaces when nobody is in them", async () => {
  const id = await start(idle, { networks: "none" });
  const held = async (): Promise<string[]> =>
    readdir(join(own.paths.state, "namespaces")).catch(() => []);
  expect(await held()).toContain("pid");
  await own.core.networks.dropIdle();
  expect(await held()).toContain("pid");
  await own.core.containers.delete(id, true);
  // The next container's shim may just be made ready in them.
  await vi.waitFor(
    async () => {
      expect(await traces()).toEqual([]);
      expect(await held()).toEqual([]);
    },
    { timeout: 15_000, interval: 200 },
  );
});

test("two managers of one machine have networks apart, and see each other's ports", async () => {
  const otherRoot = await mkdtemp(join(tmpdir(), "shimyard-network-"));
  const otherPaths = resolvePaths({}, 0, "/root", otherRoot);
  await rememberHost(otherPaths);
  const other = await createCore({ paths: otherPaths, version: "0.0.0", kind: "test" });
  try {
    await other.ready;
    const image = (await other.images.ensureStarter()).id;
    const first = await start(answering(), {
      ...{ hostname: "first", ports: [{ containerPort: 80, protocol: "tcp" }] },
    });
    const ports = [{ hostPort: await portOf(first), containerPort: 80, protocol: "tcp" as const }];
    const wanted = { ...config(answering()), imageId: image, hostname: "second" };
    await expect(other.containers.create({ ...wanted, ports }, true)).rejects.toMatchObject({
      // By a socket, which anybody sees, or by rules that only they tell of.
      ...{ code: "ALREADY_EXISTS" },
      message: expect.stringContaining(rootless ? "is taken" : "another Shimyard"),
    });
    const free = [{ containerPort: 80, protocol: "tcp" as const }];
    const { id } = await other.containers.create({ ...wanted, ports: free }, true);
    const [container] = await other.containers.list();
    expect(await ask("127.0.0.1", await portOf(first))).toBe("first");
    expect(await ask("127.0.0.1", container?.ports[0]?.hostPort ?? 0)).toBe("second");
    await other.containers.delete(id, true);
    await other.containers.next.drop();
    await other.networks.dropIdle({ wait: true });
    expect(await networkTraces(otherRoot, mark(otherPaths.data, 6))).toEqual([]);
    expect(await ask("127.0.0.1", await portOf(first))).toBe("first");
  } finally {
    await other.close();
    await removeTree(otherRoot, choosePrivileges());
  }
});
