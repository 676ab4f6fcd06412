import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";
import { starterImage } from "../harness/containers.ts";

interface Part {
  name: string;
  /** Run by the image's shell. */
  script: string;
  memory?: number;
  cpus?: number;
  created?: boolean;
}

const MiB = 1024 * 1024;

/** Works for a while of each second, more and less by turns. */
const works = (megabytes: number, spread: number): string =>
  `dd if=/dev/zero of=/dev/null bs=1M count=$((${megabytes} + RANDOM % ${spread})) 2>/dev/null`;

/** Keeps so many MiB in memory. */
const holds = (megabytes: number): string =>
  `dd if=/dev/zero of=/dev/shm/held bs=1M count=${megabytes} 2>/dev/null`;

/** What a small shop may run: names of its services, and busybox in each. */
const parts: Part[] = [
  {
    name: "api-gateway",
    script: `${holds(14)}; while :; do echo "GET /v1/orders 200"; ${works(2000, 5000)}; sleep 1; done`,
    memory: 128 * MiB,
  },
  { name: "cache", script: `${holds(22)}; while :; do ${works(200, 800)}; sleep 1; done` },
  { name: "mailer", script: "echo 'smtp: connection refused' >&2; exit 3" },
  { name: "migrate-2026-11", script: "echo '14 migrations applied'" },
  { name: "ml-notebook", script: `${holds(40)}; while :; do ${works(50, 400)}; sleep 1; done` },
  {
    name: "orders-worker",
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
    memory: 256 * MiB,
    cpus: 1.5,
  },
  { name: "postgres", script: `${holds(36)}; while :; do ${works(800, 2500)}; sleep 1; done` },
  { name: "sandbox", script: "sh", created: true },
];

/** Makes containers in several states, each a busybox that plays its part. */
export async function makeScene(client: Client<AppContract>): Promise<void> {
  const imageId = await starterImage(client);
  const ids = new Map<string, string>();
  for (const { name, script, memory, cpus, created = false } of parts) {
    const { id } = await client.call("containers.create", {
      config: {
        name,
        imageId,
        // As a variable, for the window to show a short command.
        args: ["sh", "-c", 'eval "$WORK"'],
        env: [`WORK=${script}`],
        terminal: false,
        limits: { memory, cpus },
        restart: { name: "no" },
        labels: {},
      },
      start: !created,
    });
    ids.set(name, id);
  }
  const paused = ids.get("ml-notebook");
  if (paused) await client.call("containers.pause", { id: paused });
}
