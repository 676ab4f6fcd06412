import { readdir, readFile, readlink } from "node:fs/promises";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { mustRun, runCommand } from "../host/command.ts";
import type { OciSpec } from "../runtime/runtime.ts";
import { HeldNamespace } from "./held-namespace.ts";
import {
  answering,
  ask,
  askUdp,
  dnsAnswer,
  freeUdpPort,
  idle,
  rootless,
  useNetworks,
  wayOut,
} from "./test-desk.ts";

const { own, traces, config, start, inside, row, portOf, echoUdp, serveUdp, memberOf } =
  useNetworks();

describe("a container that names no network", () => {
  test("is in the default one, with an address, a way out and its own name", async () => {
    const id = await start(idle, { hostname: "mast" });
    const { ip4, mac, connected } = await memberOf("bridge", id);
    expect(connected).toBe(true);
    expect(await inside(id, "ip", "addr", "show", "eth0")).toContain(`inet ${ip4}/22`);
    expect(await inside(id, "cat", "/sys/class/net/eth0/address")).toBe(mac);
    const [network] = await own.core.networks.list();
    expect(await inside(id, "ip", "route")).toContain(wayOut(network));
    expect(await inside(id, "ping", "-c", "1", network?.gateway ?? "")).toContain(
      "1 packets received",
    );
    expect(await inside(id, "cat", "/etc/hosts")).toContain(`${ip4}\tmast`);
    expect(await inside(id, "cat", "/etc/hostname")).toBe("mast");
  });

  test("has its address again when it is started again, and gives it back when it is deleted", async () => {
    const id = await start(idle);
    const { ip4 } = await memberOf("bridge", id);
    await own.core.containers.lifecycle.stop(id, 0);
    await vi.waitFor(async () => expect(await traces()).toEqual([]), { timeout: 15_000 });
    expect(await memberOf("bridge", id)).toMatchObject({ ip4, connected: false });
    const other = await start(idle);
    expect((await memberOf("bridge", other)).ip4).not.toBe(ip4);
    await own.core.containers.lifecycle.start(id);
    expect(await inside(id, "ip", "addr", "show", "eth0")).toContain(ip4);
    await own.core.containers.delete(id, true);
    await expect(memberOf("bridge", id)).rejects.toThrow("no member");
  });
});

describe("a network namespace", () => {
  const netns = (pid: number | string): Promise<string> => readlink(`/proc/${pid}/ns/net`);
  const pidOf = (id: string): number => own.core.containers.lifecycle.task(id)?.state.pid ?? 0;
  const ports = [{ containerPort: 80, protocol: "tcp" as const }];
  const specOf = async (id: string): Promise<OciSpec> =>
    JSON.parse((await own.core.containers.inspect(id)).spec ?? "") as OciSpec;
  const pathOf = ({ linux }: OciSpec): string | undefined =>
    linux.namespaces.find(({ type }) => type === "network")?.path;

  test("is there before its container, which has all of it when it starts", async () => {
    const id = await start(["sh", "-c", "ip addr && ip route && exec nc -ll -p 80 -e hostname"], {
      ...{ hostname: "web", ports },
    });
    const path = pathOf(await specOf(id)) ?? "";
    expect(await readlink(path)).toBe(`/proc/${pidOf(id)}/ns/net`);
    expect(await netns(pidOf(id))).not.toBe(await netns("self"));
    const { ip4 } = await memberOf("bridge", id);
    const said = await vi.waitFor(
      async () => {
        const { lines } = await own.core.logs.read({ id, from: 0, count: 100 });
        const text = lines.map((line) => line.text).join("\n");
        expect(text).toContain(wayOut((await own.core.networks.list())[0]));
        return text;
      },
      { timeout: 10_000 },
    );
    expect(said).toContain(`inet ${ip4}/22`);
    expect(await ask("127.0.0.1", await portOf(id))).toBe("web");
  });

  test("that can't be made ahead is left to the runtime", async () => {
    await own.core.networks.dropIdle();
    const make = vi.spyOn(HeldNamespace, "make").mockRejectedValue(new Error("no room"));
    try {
      const id = await start(answering(), { hostname: "late", ports });
      expect(make).toHaveBeenCalled();
      expect(pathOf(await specOf(id))).toBeUndefined();
      expect(await netns(pidOf(id))).not.toBe(await netns("self"));
      expect(await ask("127.0.0.1", await portOf(id))).toBe("late");
    } finally {
      make.mockRestore();
    }
  });

  test.runIf(rootless)("is carried by the same pasta when it gets another network", async () => {
    const id = await start(answering(), { hostname: "web", ports });
    const carrier = (): Promise<string> =>
      readFile(join(own.paths.state, `pasta/${id}.pid`), "utf8");
    const before = await carrier();
    await own.core.networks.create({ name: "later" });
    await own.core.containers.membership.connect(id, { name: "later" });
    expect(await carrier()).toBe(before);
    expect(await ask("127.0.0.1", await portOf(id))).toBe("web");
    await own.core.containers.delete(id, true);
    await vi.waitFor(() => expect(() => process.kill(Number(before), 0)).toThrow(), {
      timeout: 10_000,
    });
  });
});

describe("a published port", () => {
  test("leads to the container, from this machine's addresses and by loopback; a free one is picked", async () => {
    const id = await start(answering(), {
      hostname: "web",
      ports: [{ containerPort: 80, protocol: "tcp" }],
    });
    const port = await portOf(id);
    expect(port).toBeGreaterThan(0);
    expect(await ask("127.0.0.1", port)).toBe("web");
    const [network] = await own.core.networks.list();
    const other = await start(idle);
    if (!rootless) {
      expect(await ask(network?.gateway ?? "", port)).toBe("web");
      // By itself, and by another one of its network.
      for (const from of [id, other]) {
        expect(await inside(from, "nc", "-w", "2", network?.gateway ?? "", String(port))).toBe(
          "web",
        );
      }
    }
    // The same one again.
    await own.core.containers.lifecycle.restart(id, 0);
    expect(await portOf(id)).toBe(port);
    expect(await ask("127.0.0.1", port)).toBe("web");
  });

  test("on one address is on no other, and UDP is carried", async () => {
    // pasta of 2023 loses answers to 127.0.0.1 where the two numbers differ.
    const same = rootless ? { hostPort: await freeUdpPort() } : {};
    const containerPort = same.hostPort ?? 53;
    const id = await start(idle, {
      ports: [{ ...same, hostIp: "127.0.0.1", containerPort, protocol: "udp" }],
    });
    const { ports } = await row(id);
    expect(ports).toMatchObject([{ hostIp: "127.0.0.1", containerPort, protocol: "udp" }]);
    const port = ports[0]?.hostPort ?? 0;
    const echo = await echoUdp(id, containerPort);
    try {
      expect(await askUdp("127.0.0.1", port)).toBe("hello");
      const [network] = await own.core.networks.list();
      await expect(askUdp(network?.gateway ?? "", port, 500)).rejects.toThrow();
    } finally {
      echo.kill();
    }
  });

  test.skipIf(rootless)(
    "of UDP is reached also by who has sent to it before, to nobody or to another container",
    async () => {
      const hostPort = await freeUdpPort();
      const ports = [{ hostPort, hostIp: "127.0.0.1", containerPort: 7, protocol: "udp" as const }];
      // One socket all the time: the kernel takes what it sends for one connection.
      const client = createSocket("udp4").bind(0, "127.0.0.1");
      await once(client, "listening");
      let said = "";
      client.on("message", (message) => (said = String(message)));
      const timer = setInterval(() => client.send("x", hostPort, "127.0.0.1"), 20);
      onTestFinished(() => {
        clearInterval(timer);
        client.close();
      });
      // Long enough for it to have sent some.
      await delay(100);
      const first = await start(idle, { ports });
      const servers = [await serveUdp(first, 7, 'return "first";')];
      onTestFinished(() => servers.forEach((server) => server.kill()));
      await expect.poll(() => said, { timeout: 5000 }).toBe("first");
      // At another address: somebody else has taken that of the first one.
      const { ip4 } = await memberOf("bridge", first);
      await own.core.containers.delete(first, true);
      await start(idle, { networks: [{ name: "bridge", ip4 }] });
      const second = await start(idle, { ports });
      servers.push(await serveUdp(second, 7, 'return "second";'));
      await expect.poll(() => said, { timeout: 5000 }).toBe("second");
    },
  );

  test.skipIf(rootless)(
    "53 on every address leaves names to whoever answers for them",
    async () => {
      const ports = (["tcp", "udp"] as const).map((protocol) => ({
        ...{ hostPort: 53, containerPort: 53, protocol },
      }));
      const other = await start(idle, { name: "other" });
      const id = await start(idle, { ports });
      const server = await serveUdp(id, 53, dnsAnswer("10.9.9.9"));
      try {
        expect(await inside(id, "nslookup", "-type=a", "other")).toContain(
          (await memberOf("bridge", other)).ip4,
        );
        const [network] = await own.core.networks.list();
        // By who is no container it is reached, at whatever address.
        const resolver = new Resolver();
        resolver.setServers(["127.0.0.1"]);
        expect(await resolver.resolve4("elsewhere.test")).toEqual(["10.9.9.9"]);
        resolver.setServers([network?.gateway ?? ""]);
        expect(await resolver.resolve4("elsewhere.test")).toEqual(["10.9.9.9"]);
      } finally {
        server.kill();
      }
    },
  );

  test("that is taken is told before anything is created, with who has it", async () => {
    const server = await listen();
    const { port } = server.address() as { port: number };
    const before = await own.core.containers.list();
    const ports = [{ hostPort: port, containerPort: 80, protocol: "tcp" as const }];
    await expect(start(idle, { ports })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringMatching(`Port ${port} is taken by .*process ${process.pid}`),
    });
    expect(await own.core.containers.list()).toEqual(before);
    server.close();
    const { id } = await own.core.containers.create(config(idle, { name: "first", ports }), true);
    await expect(start(idle, { ports })).rejects.toMatchObject({
      message: `Port ${port} is taken by container "first"`,
    });
    await own.core.containers.delete(id, true);
    await start(idle, { ports });
  });
});

test.skipIf(rootless)(
  "what comes back through a narrow way out is no longer than that",
  async () => {
    const device = `svtest-${process.pid % 100_000}`;
    // A machine beyond a link that takes 1280 bytes, of which the one there knows nothing, as behind many a VPN.
    const server = `const s = require("net").createServer(() => {}).listen(80, "10.126.9.2", () => console.log("ready"));`;
    const beyond = spawn(
      "unshare",
      [
        "--net",
        "sh",
        "-c",
        'echo && read -r word && exec "$@"',
        "sh",
        process.execPath,
        "-e",
        server,
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    await once(beyond.stdout, "data");
    const into = ["nsenter", "--target", String(beyond.pid), "--net"];
    onTestFinished(async () => {
      beyond.kill("SIGKILL");
      await runCommand(["ip", "link", "del", device]);
    });
    await mustRun([
      "ip",
      "link",
      "add",
      device,
      "mtu",
      "1280",
      "type",
      "veth",
      "peer",
      "name",
      "b0",
      "mtu",
      "1500",
      "netns",
      String(beyond.pid),
    ]);
    await mustRun(["ip", "addr", "add", "10.126.9.1/30", "dev", device]);
    await mustRun(["ip", "link", "set", device, "up"]);
    await mustRun([...into, "ip", "addr", "add", "10.126.9.2/30", "dev", "b0"]);
    await mustRun([...into, "ip", "link", "set", "b0", "up"]);
    beyond.stdin.write("\n");
    await once(beyond.stdout, "data");
    const id = await start(["sh", "-c", "sleep 1000 | nc 10.126.9.2 80"]);
    await vi.waitFor(async () => {
      const said = await mustRun([...into, "ss", "-Htin", "state", "established"]);
      // 1280 without the headers of IP and TCP, and the latter's time stamps.
      expect(said).toMatch(/ mss:1228 /);
    });
    await own.core.containers.delete(id, true);
  },
);

test("none has loopback only, and host this machine's interfaces", async () => {
  const none = await start(idle, { networks: "none" });
  expect(await inside(none, "ls", "/sys/class/net")).toBe("lo");
  const host = await start(idle, { networks: "host" });
  const own = (await readdir("/sys/class/net")).sort();
  expect((await inside(host, "ls", "/sys/class/net")).split(/\s+/).sort()).toEqual(own);
});

test("twenty containers at once have twenty addresses, and leave nothing", async () => {
  const ids = await Promise.all(
    Array.from({ length: 20 }, () =>
      start(idle, { ports: [{ containerPort: 80, protocol: "tcp" }] }),
    ),
  );
  const members = await Promise.all(ids.map((id) => memberOf("bridge", id)));
  expect(new Set(members.map(({ ip4 }) => ip4)).size).toBe(20);
  const ports = await Promise.all(ids.map(portOf));
  expect(new Set(ports).size).toBe(20);
  await Promise.all(ids.map((id) => own.core.containers.delete(id, true)));
});

const listen = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen({ host: "127.0.0.1", port: 0 }, () => resolve(server));
  });
