import { describe, expect, test } from "vitest";
import { destinations } from "./conntrack.ts";
import { parseResolv } from "./etc-files.ts";
import { admitting } from "./firewall.ts";
import { parseRoutes, parseRoutes6 } from "./host-network.ts";
import { configFile } from "./names.ts";
import { noNetwork, planNetwork } from "./network-plan.ts";
import type { Connection, NetworkRecord } from "./network-store.ts";
import { holders } from "./port-owner.ts";
import { collide, portText, requireLed } from "./ports.ts";
import { redirection, ruleset } from "./ruleset.ts";
import { pastaArgs } from "./user-network.ts";

const network: NetworkRecord = {
  ...{ name: "shop", subnet: "10.9.8.0/24", gateway: "10.9.8.1", internal: false },
  ...{ subnet6: "fd00:9::/64", gateway6: "fd00:9::1" },
  ...{ bridge: "sy000000-00000", labels: {}, createdAt: 0 },
};
const port = { hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" as const };

test("firewalls of others are asked once to let a bridge through, where they would not", () => {
  const open = "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n";
  expect(admitting(open, "sy1")).toEqual([]);
  const strict = "-P INPUT DROP\n-P FORWARD DROP\n-A FORWARD -i sy12 -j ACCEPT\n";
  expect(admitting(strict, "sy1")).toEqual([
    "-I FORWARD 1 -i sy1 -j ACCEPT",
    "-I FORWARD 1 -o sy1 -j ACCEPT",
    "-I INPUT 1 -i sy1 -p udp --dport 53 -j ACCEPT",
    "-I INPUT 1 -i sy1 -p tcp --dport 53 -j ACCEPT",
  ]);
  const names = "-A INPUT -i sy1 -p udp -m udp --dport 53 -j ACCEPT\n";
  expect(admitting(`${strict}-A FORWARD -i sy1 -j ACCEPT\n${names}`, "sy1")).toEqual([]);
});

test("the table leads ports on every address and on one, by family", () => {
  const text = ruleset(
    "t",
    [network],
    [
      { port, to: "10.9.8.2" },
      { port: { ...port, hostIp: "127.0.0.1", protocol: "udp" }, to: "10.9.8.3" },
      { port: { ...port, hostIp: "::" }, to: "fd00:9::2" },
    ],
  );
  expect(text).toContain(
    "any4 { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 8080 : 10.9.8.2 . 80 } }",
  );
  expect(text).toContain("elements = { 127.0.0.1 . udp . 8080 : 10.9.8.3 . 80 }");
  expect(text).toContain("elements = { tcp . 8080 : fd00:9::2 . 80 }");
  expect(text).toContain("set internal { type ifname;  }");
  expect(text).toContain(
    'set within { type ifname . ifname; elements = { "sy000000-00000" . "sy000000-00000" } }',
  );
});

test("a table that is there is told its ports anew", () => {
  const forwards = [
    { port, to: "10.9.8.2" },
    { port: { ...port, hostIp: "::1" }, to: "fd00:9::2" },
  ];
  expect(redirection("t", forwards).trim().split("\n")).toEqual([
    "flush map inet t any4",
    "add element inet t any4 { tcp . 8080 : 10.9.8.2 . 80 }",
    "flush map inet t any6",
    "flush map inet t own4",
    "flush map inet t own6",
    "add element inet t own6 { ::1 . tcp . 8080 : fd00:9::2 . 80 }",
  ]);
});

test("ports collide where one is on every address of the family", () => {
  expect(collide(port, { ...port, hostIp: "127.0.0.1" })).toBe(true);
  expect(collide({ ...port, hostIp: "10.0.0.1" }, { ...port, hostIp: "127.0.0.1" })).toBe(false);
  expect(collide(port, { ...port, hostIp: "::" })).toBe(false);
  expect(collide(port, { ...port, protocol: "udp" })).toBe(false);
  expect(portText({ ...port, hostIp: "::1", protocol: "udp" })).toBe("[::1]:8080/udp");
});

test.each<[hostIp: string | undefined, ipv6: boolean, says: RegExp | undefined]>([
  ["::1", true, /Nothing leads from ::1/],
  ["0:0::1", false, /Nothing leads from ::1/],
  ["::", false, /no IPv6/],
  ["::", true, undefined],
  ["fd00:9::1", true, undefined],
  ["127.0.0.1", false, undefined],
  [undefined, false, undefined],
])("a port at %s, with IPv6: %s", (hostIp, ipv6, says) => {
  const ask = (): void => requireLed([port, { ...port, hostIp }], ipv6);
  if (says) expect(ask).toThrow(says);
  else expect(ask).not.toThrow();
});

test("who listens is told from who is only connected", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1",
    "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 42 1",
    "   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1",
  ].join("\n");
  expect(holders(table, "tcp", 8080)).toEqual([{ address: "127.0.0.1", inode: "41" }]);
  const six =
    "   0: 000000FD000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 44 2";
  expect(holders(six, "udp", 53)).toEqual([{ address: "fd00::1", inode: "44" }]);
});

test("routes are read as the kernel writes them", () => {
  const text = [
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "eth0\t0000110A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
  ].join("\n");
  expect(parseRoutes(text)).toEqual([
    { device: "eth0", subnet: { family: 4, base: 0n, bits: 0 } },
    { device: "eth0", subnet: { family: 4, base: 0x0a110000n, bits: 16 } },
  ]);
});

test("routes of IPv6 are read as the kernel writes them", () => {
  const none = "00000000000000000000000000000000";
  const rest = `${none} 00 ${none} 00000100 00000002 00000000 00000001    `;
  const text = [`${none} 00 ${rest} eth0`, `fd000009000000000000000000000000 40 ${rest} wg0`].join(
    "\n",
  );
  expect(parseRoutes6(`${text}\n`)).toEqual([
    { device: "eth0", subnet: { family: 6, base: 0n, bits: 0 } },
    { device: "wg0", subnet: { family: 6, base: 0xfd000009n << 96n, bits: 64 } },
  ]);
  expect(parseRoutes6("")).toEqual([]);
});

test("of the kernel's connections it is known where they were sent to", () => {
  const list = [
    "udp      17 23 src=10.0.0.2 dst=10.0.0.9 sport=36101 dport=5353 [UNREPLIED] src=10.128.0.2 dst=10.0.0.2 sport=53 dport=36101 mark=0 use=1",
    "udp      17 28 src=10.0.0.2 dst=10.0.0.9 sport=43018 dport=123 src=10.0.0.9 dst=10.0.0.2 sport=123 dport=43018 mark=0 use=1",
  ].join("\n");
  expect([...destinations(list)]).toEqual([5353, 123]);
});

test("name servers on loopback are nobody in a container", () => {
  const text =
    "search lan\nnameserver 127.0.0.53\nnameserver 10.0.0.1\noptions edns0\n# nameserver 1.1.1.1\n";
  expect(parseResolv(text)).toEqual({
    ...{ all: ["127.0.0.53", "10.0.0.1"], nameservers: ["10.0.0.1"] },
    search: ["search lan", "options edns0"],
  });
});

test("a network's names are a line a container, in lower case", () => {
  const connection: Connection = {
    ...{ id: "abc", hostname: "Web", names: ["Web", "abc"], connected: true, ports: [] },
    endpoints: [
      {
        ...{ network: "shop", interface: "eth0", veth: "v", mac: "", aliases: ["WWW", "web"] },
        ...{ ip4: "10.9.8.2", ip6: "fd00:9::2" },
      },
    ],
  };
  expect(configFile(network, [connection])).toBe(
    "10.9.8.1,fd00:9::1\nabc 10.9.8.2 fd00:9::2 web,abc,www\n",
  );
  const asks = { ...connection, dns: { servers: ["9.9.9.9", "fd00::9"] } };
  expect(configFile(network, [asks])).toContain(" web,abc,www 9.9.9.9,fd00::9\n");
  const asksItself = { ...connection, dns: { servers: ["127.0.0.1", "9.9.9.9"] } };
  expect(configFile(network, [asksItself])).toContain(" web,abc,www\n");
});

test("pasta forwards what is published, and nothing else", () => {
  const args = pastaArgs([port, { ...port, hostIp: "127.0.0.1", hostPort: 8443 }], "/x.pid", 7);
  expect(args.join(" ")).toContain("-t 8080:80 -t 127.0.0.1/8443:80 -u none 7");
  expect(pastaArgs([], "/x.pid", 7).join(" ")).toContain("-t none -u none 7");
  // Without an address of its own it finds none on a machine that has no way out.
  expect(pastaArgs([], "/x.pid", 7, { offline: true }).join(" ")).toMatch(
    /--interface lo .*--address/,
  );
  // Who is in the namespace now is about to leave it.
  expect(pastaArgs([], "/x.pid", 7, { held: true }).slice(-2)).toEqual(["--no-netns-quit", "7"]);
});

describe("a plan", () => {
  const ok = { ok: true };
  const able = {
    ...{ rootless: false, sandbox: false, oldPasta: false },
    abilities: { bridges: ok, ports: ok, names: ok },
  };
  const no = { ok: false, reason: "nft is not installed" };
  const unable = { ...able, abilities: { bridges: no, ports: no, names: no } };

  test("is the default network where nothing is said", () => {
    expect(planNetwork({}, able)).toMatchObject({
      kind: "networks",
      networks: [{ name: "bridge" }],
    });
    const user = { ...able, rootless: true };
    expect(planNetwork({}, user)).toMatchObject({ kind: "networks", notes: [] });
    const without = { ...user, abilities: { ...able.abilities, bridges: no } };
    expect(planNetwork({}, without)).toMatchObject({ kind: "user" });
  });

  test("leaves out what nobody asked for, and refuses what somebody did", () => {
    expect(planNetwork({}, unable)).toEqual({
      ...noNetwork,
      notes: ["It has no network: nft is not installed"],
    });
    const ports = [{ containerPort: 80, protocol: "tcp" as const }];
    expect(() => planNetwork({ ports }, unable)).toThrow("nft is not installed");
    expect(() => planNetwork({}, { ...able, sandbox: true })).not.toThrow();
    // Each other an ordinary user's containers reach without a way out.
    const inner = { ...able, rootless: true, abilities: { ...able.abilities, ports: no } };
    expect(planNetwork({}, inner)).toMatchObject({
      ...{ kind: "networks", notes: ["It reaches its networks only: nft is not installed"] },
    });
    expect(() => planNetwork({ ports }, inner)).toThrow("nft is not installed");
    const own = { networks: [{ name: "shop" }] };
    const user = { ...able, rootless: true, abilities: { ...able.abilities, bridges: no } };
    expect(() => planNetwork(own, user)).toThrow("nft is not installed");
  });

  test("says what an old pasta loses", () => {
    const old = { ...able, rootless: true, oldPasta: true };
    const plan = (hostPort: number, protocol: "tcp" | "udp") =>
      planNetwork({ ports: [{ hostPort, containerPort: 53, protocol }] }, old).warnings;
    expect(plan(5353, "udp")).toEqual([expect.stringContaining("UDP")]);
    expect([...plan(53, "udp"), ...plan(5353, "tcp")]).toEqual([]);
  });

  test("says that ports without a network are not published", () => {
    const ports = [{ containerPort: 80, protocol: "tcp" as const }];
    const { kind, warnings } = planNetwork({ networks: "host", ports }, unable);
    expect(kind).toBe("host");
    expect(warnings).toEqual([expect.stringContaining("not published")]);
  });
});
