import { connect, type Socket } from "node:net";
import { sleep } from "./command.ts";
import type { Contender } from "./contender.ts";
import { inTurn } from "./lifecycle.ts";
import { percentile, round, table } from "./statistics.ts";

/** One that starts containers with published ports. */
export interface PublishingContender extends Contender {
  /** As `start`, with `serve` as its command, and these ports of this machine leading to `servedPorts`. */
  publish(name: string, hostPorts: readonly [number, number]): Promise<string>;
}

/** The container's: one sends zeros as fast as it can, the other says what it is told. */
export const servedPorts = [80, 81] as const;
/** Of one measurement; a fraction of a second. */
const mebibytes = 256;
/** busybox's nc hands the connection itself to what it starts. */
export const serve = [
  "/bin/sh",
  "-c",
  `nc -ll -p ${servedPorts[0]} -e dd if=/dev/zero bs=128k count=${mebibytes * 8} & ` +
    `exec nc -ll -p ${servedPorts[1]} -e cat`,
];

interface Result {
  /** Milliseconds from the request until an answer comes back through the port. */
  reachable: number[];
  /** MiB/s from the container. */
  throughput: number[];
  /** Microseconds for a byte there and back, the median of a round. */
  latency: number[];
}

/**
 * First how soon each answers, one container at a time; then what each one's path carries, when all have a container.
 * A round is so short then that what else goes on here meets all alike, and all packets pass everybody's rules.
 */
export async function measureNetwork(
  contenders: PublishingContender[],
  rounds: number,
  options: { signal: AbortSignal; progress: (text: string) => void },
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>(
    contenders.map(({ name }) => [name, { reachable: [], throughput: [], latency: [] }]),
  );
  // Another port each time: one that was in use a moment ago is nobody's fault.
  let port = 20_000;
  const publish = async (contender: PublishingContender, name: string): Promise<Published> => {
    const ports = [port++, port++] as const;
    const begin = performance.now();
    const handle = await contender.publish(name, ports);
    await answer(ports[1]);
    return { handle, ports, reachable: performance.now() - begin };
  };
  await inTurn(contenders, rounds, options, async (contender, name, counted) => {
    const { handle, reachable } = await publish(contender, name);
    if (counted) results.get(contender.name)?.reachable.push(reachable);
    await contender.remove(handle);
  });
  const published = new Map<string, Published>();
  for (const contender of contenders) {
    published.set(contender.name, await publish(contender, "bench-carrying"));
  }
  await inTurn(contenders, rounds, options, async ({ name }, _, counted) => {
    const { ports } = published.get(name) as Published;
    const bytes = await throughput(ports[0]);
    const time = await latency(ports[1]);
    if (!counted) return;
    results.get(name)?.throughput.push(bytes);
    results.get(name)?.latency.push(time);
  });
  for (const contender of contenders) {
    await contender.remove((published.get(contender.name) as Published).handle);
  }
  return results;
}

interface Published {
  handle: string;
  ports: readonly [number, number];
  /** Milliseconds. */
  reachable: number;
}

/** Resolves when a byte has come back; a proxy may take a connection before anybody serves it. */
async function answer(port: number): Promise<void> {
  const until = Date.now() + 30_000;
  while (!(await echoes(port))) {
    if (Date.now() > until) throw new Error(`Nobody answers at port ${port}`);
    await sleep(1);
  }
}

function echoes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true }, () => socket.write("x"));
    socket.on("data", () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => resolve(socket.bytesRead > 0));
  });
}

const roundTrips = 1000;

async function latency(port: number): Promise<number> {
  const socket = await connected(port);
  const samples: number[] = [];
  for (let i = 0; i < roundTrips; i += 1) {
    const begin = performance.now();
    await new Promise<void>((resolve) => {
      socket.once("data", () => resolve());
      socket.write("x");
    });
    samples.push((performance.now() - begin) * 1000);
  }
  socket.destroy();
  return percentile(samples, 0.5);
}

/** Reads all of it into one buffer, over and over: what is measured is not our garbage collector. */
function throughput(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const begin = performance.now();
    const socket = connect({
      ...{ host: "127.0.0.1", port },
      onread: {
        buffer: Buffer.alloc(256 * 1024),
        callback: (size) => {
          bytes += size;
          return true;
        },
      },
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const whole = mebibytes * 1024 * 1024;
      if (bytes !== whole) reject(new Error(`${bytes} of ${whole} bytes came`));
      resolve(bytes / 1024 / 1024 / ((performance.now() - begin) / 1000));
    });
  });
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true }, () => resolve(socket));
    socket.on("error", reject);
  });
}

/** Rejects where one can't take part: no container of it answers through its port. */
export async function tryPort(contender: PublishingContender): Promise<void> {
  const handle = await contender.publish("bench-trial", [19_998, 19_999]);
  await answer(19_999);
  await contender.remove(handle);
}

export function networkTable(results: Map<string, Result>): string {
  return table([
    ["", "reachable p50 ms", "p90", "MiB/s p50", "round trip p50 us", "n"],
    ...[...results].map(([name, { reachable, throughput, latency }]) => [
      name,
      ...[0.5, 0.9].map((share) => percentile(reachable, share).toFixed(1)),
      percentile(throughput, 0.5).toFixed(0),
      percentile(latency, 0.5).toFixed(0),
      String(reachable.length),
    ]),
  ]);
}

type Ratios = Record<string, { reachable: number; throughput: number; latency: number }>;

/** The last line: how many times as good as each peer at the median, so that more is better. */
export function networkSummary(results: Map<string, Result>): {
  bench: "network";
  ratios: Ratios;
  withCrun: Ratios;
  /** An ordinary user's; without podman where its containers can't be reached. */
  rootless: Ratios;
} {
  const against = (own: string): Ratios =>
    Object.fromEntries(
      ["docker", "podman"].map((peer) => [peer, ratio(results.get(own), results.get(peer))]),
    );
  const podman = results.get("rootless podman");
  return {
    bench: "network",
    ratios: against("shimyard runc"),
    withCrun: against("shimyard crun"),
    rootless: podman ? { podman: ratio(results.get("rootless shimyard runc"), podman) } : {},
  };
}

function ratio(own: Result | undefined, peer: Result | undefined): Ratios[string] {
  if (!own || !peer) throw new Error("A contender did not take part");
  const of = (result: Result, figure: keyof Result): number => percentile(result[figure], 0.5);
  return {
    reachable: round(of(peer, "reachable") / of(own, "reachable"), 2),
    throughput: round(of(own, "throughput") / of(peer, "throughput"), 2),
    latency: round(of(peer, "latency") / of(own, "latency"), 2),
  };
}
