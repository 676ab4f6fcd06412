import { describe, expect, test, vi } from "vitest";
import { answering, ask, dnsAnswer, idle, rootless, useNetworks, wayOut } from "./test-desk.ts";

const { own, start, inside, portOf, memberOf, serveUdp } = useNetworks();

describe("networks of one's own", () => {
  test("are apart; names and aliases resolve within, and a container can be in several", async () => {
    const one = await own.core.networks.create({ name: "one" });
    const two = await own.core.networks.create({ name: "two" });
    const web = await start(answering(), {
      ...{ name: "web", hostname: "web" },
      networks: [{ name: "one", aliases: ["www"] }],
    });
    // A host name that is none in the DNS is not asked for, and takes nobody else's away.
    const near = await start(idle, { hostname: "near by", networks: [{ name: "one" }] });
    const far = await start(idle, { networks: [{ name: "two" }] });
    const both = await start(idle, { networks: [{ name: "two" }, { name: "one" }] });
    for (const from of [near, both]) {
      for (const name of ["web", "www", web.slice(0, 12)]) {
        await vi.waitFor(async () => expect(await inside(from, "nc", name, "80")).toBe("web"), {
          timeout: 10_000,
        });
      }
    }
    const { ip4 } = await memberOf("one", web);
    // Whatever a machine elsewhere says that has such an address or name.
    for (const at of [ip4, "web"]) {
      expect(await inside(far, "nc", "-w", "1", at, "80").catch(() => "")).not.toBe("web");
    }
    expect(await inside(both, "ip", "route")).toContain(wayOut(two));
    expect(await inside(both, "ip", "addr", "show", "eth1")).toContain(
      (await memberOf("one", both)).ip4,
    );
    expect(one.subnet).not.toBe(two.subnet);
    await expect(own.core.networks.remove("one")).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("web"),
    });
  });

  test("give the names within them also to a container that asks name servers of its own", async () => {
    await own.core.networks.create({ name: "asked" });
    const networks = [{ name: "asked" }];
    await start(answering(), { name: "web", hostname: "web", networks });
    const server = await start(idle, { networks });
    const { ip4 } = await memberOf("asked", server);
    const child = await serveUdp(server, 53, dnsAnswer("10.9.9.9"));
    try {
      const id = await start(idle, { networks, dns: { servers: [ip4] } });
      expect(await inside(id, "nslookup", "-type=a", "elsewhere.test")).toContain("10.9.9.9");
      expect(await inside(id, "nc", "web", "80")).toBe("web");
      // Its own loopback is nobody else's.
      const alone = await start(idle, { networks, dns: { servers: ["127.0.0.1"] } });
      expect(await inside(alone, "cat", "/etc/resolv.conf")).toContain("nameserver 127.0.0.1");
    } finally {
      child.kill();
    }
  });

  test("have the subnet, gateway, addresses and MAC that are asked for, and IPv6", async () => {
    const subnet = "10.127.250.0/28";
    await own.core.networks.create({
      ...{ name: "own", subnet, gateway: "10.127.250.14" },
      subnet6: "fd53:7:7:7::/64",
    });
    const mac = "02:11:22:33:44:56";
    const wishes = { name: "own", ip4: "10.127.250.9", ip6: "fd53:7:7:7::9", mac };
    const id = await start(answering(), {
      ...{ hostname: "own", networks: [wishes], ports: [{ containerPort: 80, protocol: "tcp" }] },
    });
    const link = await inside(id, "ip", "addr", "show", "eth0");
    expect(link).toContain("inet 10.127.250.9/28");
    expect(link).toContain("inet6 fd53:7:7:7::9/64");
    expect(link).toContain(mac);
    expect(await inside(id, "ip", "route")).toContain(wayOut({ gateway: "10.127.250.14" }));
    const at = rootless ? "127.0.0.1" : "fd53:7:7:7::1";
    expect(await ask(at, await portOf(id))).toBe("own");
    const other = await start(idle, { networks: [{ name: "own" }] });
    expect(await inside(other, "ping", "-c", "1", "fd53:7:7:7::9")).toContain("1 packets received");
    await expect(start(idle, { networks: [wishes] })).rejects.toMatchObject({
      ...{
        code: "ALREADY_EXISTS",
        message: expect.stringContaining("10.127.250.9 is taken by net-"),
      },
    });
    await expect(
      start(idle, { networks: [{ name: "own", ip4: "10.1.1.1" }] }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    for (const again of [{ subnet }, { subnet6: "fd53:7:7::/48" }]) {
      await expect(own.core.networks.create({ name: "again", ...again })).rejects.toMatchObject({
        ...{ code: "FAILED_PRECONDITION", message: expect.stringContaining('network "own"') },
        details: { field: Object.keys(again)[0] },
      });
    }
  });

  test("that are internal have no way out and publish nothing", async () => {
    const { gateway } = await own.core.networks.create({ name: "inner", internal: true });
    const web = await start(answering(), { hostname: "in", networks: [{ name: "inner" }] });
    const near = await start(idle, { networks: [{ name: "inner" }] });
    const { ip4 } = await memberOf("inner", web);
    expect(await inside(near, "nc", ip4, "80")).toBe("in");
    expect(await inside(near, "ip", "route")).not.toContain("default");
    expect(gateway).not.toBe("");
    await expect(
      start(idle, {
        ...{ networks: [{ name: "inner" }], ports: [{ containerPort: 80, protocol: "tcp" }] },
      }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("are connected to and left while a container runs", async () => {
    const extra = await own.core.networks.create({ name: "extra" });
    const web = await start(answering(), {
      ...{ name: "late", hostname: "late" },
      networks: "none",
    });
    const near = await start(idle, { networks: [{ name: "extra" }] });
    expect(await inside(web, "ip", "route")).toBe("");
    await own.core.containers.membership.connect(web, { name: "extra" });
    expect(await inside(web, "ip", "route")).toContain(wayOut(extra));
    await vi.waitFor(async () => expect(await inside(near, "nc", "late", "80")).toBe("late"), {
      timeout: 10_000,
    });
    await own.core.containers.membership.connect(web, { name: "bridge" });
    await own.core.containers.membership.disconnect(web, "extra");
    const [bridge] = await own.core.networks.list();
    expect(await inside(web, "ip", "route")).toContain(wayOut(bridge));
    expect(await inside(near, "nc", "-w", "1", "late", "80").catch(() => "")).not.toBe("late");
    // From its next start, too.
    await own.core.containers.lifecycle.restart(web, 0);
    expect(await memberOf("bridge", web)).toMatchObject({ connected: true });
    await expect(memberOf("extra", web)).rejects.toThrow("no member");
    await expect(
      own.core.containers.membership.connect(web, { name: "bridge" }),
    ).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
  });
});
