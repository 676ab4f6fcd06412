import { execFile } from "node:child_process";
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ContainerConfig } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";

interface Part extends Partial<ContainerConfig> {
  name: string;
  image: string;
  /** Run by the image's shell. */
  script: string;
  created?: boolean;
}

const MiB = 1024 * 1024;
const project = "com.docker.compose.project";

/** Works for a while of each second, more and less by turns. */
const works = (megabytes: number, spread: number): string =>
  `dd if=/dev/zero of=/dev/null bs=1M count=$((${megabytes} + RANDOM % ${spread})) 2>/dev/null`;

/** Keeps so many MiB in memory. */
const holds = (megabytes: number): string =>
  `dd if=/dev/zero of=/dev/shm/held bs=1M count=${megabytes} 2>/dev/null`;

/** Names and sizes in MiB: what a small shop may have pulled and built. */
const images: Record<string, number> = {
  "shop/gateway:2.8.1": 6,
  "shop/mailer:0.3": 3,
  "shop/orders:41f9c2": 9,
  "shop/web:5.1": 12,
  "postgres:17": 24,
  "scipy:2026.10": 31,
  "valkey:9": 7,
};

/** Names of its services, and busybox in each. */
const parts: Part[] = [
  {
    name: "api-gateway",
    image: "shop/gateway:2.8.1",
    script: `${holds(14)}; while :; do echo "GET /v1/orders 200"; ${works(2000, 5000)}; sleep 1; done`,
    limits: { memory: 128 * MiB },
    networks: [{ name: "shop" }],
    ports: [{ hostPort: 8443, containerPort: 443, protocol: "tcp" }],
    labels: { tier: "front", [project]: "shop" },
  },
  {
    name: "cache",
    image: "valkey:9",
    script: `${holds(22)}; while :; do ${works(200, 800)}; sleep 1; done`,
    networks: [{ name: "shop" }],
    labels: { [project]: "shop" },
  },
  { name: "mailer", image: "shop/mailer:0.3", script: "echo 'smtp: refused' >&2; exit 3" },
  { name: "migrate-2026-11", image: "shop/orders:41f9c2", script: "echo '14 migrations applied'" },
  {
    name: "ml-notebook",
    image: "scipy:2026.10",
    script: `${holds(40)}; while :; do ${works(50, 400)}; sleep 1; done`,
    ports: [{ hostIp: "127.0.0.1", hostPort: 8888, containerPort: 8888, protocol: "tcp" }],
  },
  {
    name: "orders-worker",
    image: "shop/orders:41f9c2",
    script: `${holds(30)}
n=8810
while :; do
  n=$((n + 1))
  printf '\\033[32mINF\\033[0m batch %d claimed, %d orders\\n' $n $((200 + RANDOM % 90))
  ${works(4000, 9000)}
  if [ $((n % 6)) = 0 ]; then
    printf '\\033[33mWRN\\033[0m inventory retry 1/3: timeout after 500 ms (sku 55-%d)\\n' $((RANDOM % 9000 + 1000))
  fi
  if [ $((n % 11)) = 0 ]; then
    printf '\\033[31mERR\\033[0m payment gateway refused: card_declined (batch %d)\\n' $n >&2
  fi
  printf '\\033[32mINF\\033[0m batch %d priced\\n' $n
  sleep 1
done`,
    limits: { memory: 256 * MiB, cpus: 1.5 },
    networks: [{ name: "shop" }],
    mounts: [{ type: "volume", source: "spool", target: "/var/spool/orders", readOnly: false }],
    labels: { [project]: "shop" },
  },
  {
    name: "postgres",
    image: "postgres:17",
    script: `${holds(36)}; while :; do ${works(800, 2500)}; sleep 1; done`,
    networks: [{ name: "shop" }],
    mounts: [{ type: "volume", source: "pgdata", target: "/var/lib/postgresql", readOnly: false }],
    ports: [{ hostPort: 5432, containerPort: 5432, protocol: "tcp" }],
    healthCheck: { test: ["CMD-SHELL", "true"], intervalSeconds: 20 },
    labels: { [project]: "shop" },
  },
  {
    name: "reports",
    image: "shop/orders:41f9c2",
    script: `${holds(9)}; while :; do ${works(30, 90)}; sleep 2; done`,
    labels: { [project]: "shop" },
  },
  { name: "sandbox", image: "valkey:9", script: "sh", created: true },
  {
    name: "search",
    image: "valkey:9",
    script: `${holds(64)}; while :; do ${works(300, 900)}; sleep 1; done`,
    networks: [{ name: "shop" }],
    labels: { [project]: "shop" },
  },
  {
    name: "web",
    image: "shop/web:5.1",
    script: `${holds(18)}; while :; do echo "GET / 200"; ${works(400, 1500)}; sleep 1; done`,
    networks: [{ name: "shop" }],
    ports: [
      { hostPort: 80, containerPort: 8080, protocol: "tcp" },
      { hostPort: 443, containerPort: 8443, protocol: "tcp" },
    ],
    healthCheck: { test: ["CMD-SHELL", "true"], intervalSeconds: 20 },
    labels: { tier: "front", [project]: "shop" },
  },
  {
    name: "web-canary",
    image: "shop/web:5.1",
    script: "echo 'config: unknown key \"cdn\"' >&2; exit 78",
    labels: { tier: "front" },
  },
];

/** Makes containers in several states, each a busybox that plays its part. `dir`: where their images are made. */
export async function makeScene(client: Client<AppContract>, dir: string): Promise<void> {
  const imageIds = await makeImages(client, dir);
  await client.call("networks.create", { name: "shop" });
  const ids = new Map<string, string>();
  for (const { image, script, created = false, ...config } of parts) {
    const { id } = await client.call("containers.create", {
      config: {
        imageId: imageIds.get(image) ?? "",
        // As a variable, for the window to show a short command.
        args: ["sh", "-c", 'eval "$WORK"'],
        env: [`WORK=${script}`],
        terminal: false,
        limits: {},
        restart: { name: "no" },
        labels: {},
        ...config,
      },
      start: !created,
    });
    ids.set(config.name, id);
  }
  const paused = ids.get("ml-notebook");
  if (paused) await client.call("containers.pause", { id: paused });
  const kept = ids.get("orders-worker");
  if (!kept) return;
  for (const name of ["before-migration", "warm-cache"]) {
    const options = { leaveRunning: true, tcpEstablished: false, fileLocks: false };
    await client.call("checkpoints.create", {
      ...{ containerId: kept, name },
      options: { ...options, externalUnixSockets: false },
    });
  }
}

/** One root file system under several names, each with something of its own. */
async function makeImages(client: Client<AppContract>, dir: string): Promise<Map<string, string>> {
  const bin = join(dir, "bin");
  await mkdir(bin, { recursive: true });
  await copyFile("/bin/busybox", join(bin, "busybox"));
  const { stdout } = await promisify(execFile)("/bin/busybox", ["--list"]);
  for (const name of stdout.split("\n").filter((name) => name !== "" && name !== "busybox")) {
    await symlink("busybox", join(bin, name));
  }
  const ids = new Map<string, string>();
  for (const [name, megabytes] of Object.entries(images)) {
    await writeFile(join(dir, "data"), Buffer.alloc(megabytes * MiB, name));
    const { id } = await client.call("images.importDirectory", { path: dir, name });
    ids.set(name, id);
  }
  return ids;
}
