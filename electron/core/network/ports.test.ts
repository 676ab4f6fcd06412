import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { PublishedPort } from "./network-store.ts";
import { choosePorts, collide } from "./ports.ts";

const wish = { containerPort: 80, protocol: "tcp" as const };

async function listen(options: { host: string; port?: number }): Promise<number> {
  const server: Server = createServer().listen({ port: 0, ipv6Only: true, ...options });
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const choose = (
  wishes: { hostIp?: string; hostPort?: number; containerPort: number; protocol: "tcp" }[],
  { before = [], held = [] }: { before?: PublishedPort[]; held?: PublishedPort[] } = {},
): Promise<PublishedPort[]> =>
  choosePorts({
    ...{ wishes, before, ipv6: true, networks: [] },
    holder: (port) => (held.some((one) => collide(one, port)) ? 'container "other"' : undefined),
  });

test("a port on every address of both families is free on both", async () => {
  const hostPort = await listen({ host: "::" });
  const other = { ...wish, hostIp: "::", hostPort };
  const taken = {
    code: "ALREADY_EXISTS",
    message: expect.stringContaining(`${hostPort} is taken`),
  };
  await expect(choose([{ ...wish, hostPort }])).rejects.toMatchObject(taken);
  await expect(choose([{ ...wish, hostPort }], { held: [other] })).rejects.toMatchObject(taken);
  // It had that one before.
  const again = await choose([wish], { before: [{ ...other, hostIp: "0.0.0.0" }] });
  expect(again.map(({ hostIp }) => hostIp)).toEqual(["0.0.0.0", "::"]);
  expect(new Set(again.map((port) => port.hostPort)).size).toBe(1);
  expect(again[0]?.hostPort).not.toBe(hostPort);
});

test("a container that names a port twice gets it once", async () => {
  const hostPort = await listen({ host: "127.0.0.1" }).then((port) => port + 1);
  const twice = choose([
    { ...wish, hostIp: "::", hostPort },
    { ...wish, containerPort: 81, hostPort },
  ]);
  await expect(twice).rejects.toMatchObject({ message: expect.stringContaining("by the same") });
});
