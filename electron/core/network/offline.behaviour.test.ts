import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { workerUrl } from "../base/worker.ts";
import { runCommand } from "../host/command.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-offline-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/**
 * As an ordinary user's container on a machine that has no route: a machine's network namespace is one of a user
 * namespace's here, and the container's is below it. What is started in it ends with the pid namespace.
 */
const machine = [
  "unshare",
  "--user",
  "--map-root-user",
  "--net",
  "--pid",
  "--fork",
  "--mount-proc",
];

const script = `
set -e
ip link set lo up
unshare --user --map-root-user --net sh -c 'ip link set lo up; exec busybox nc -ll -p 80 -e echo inside' &
container=$!
while ! grep -q nc /proc/$container/cmdline; do sleep 0.05; done
"$0" "$1" "$2" $container 8099 80
enter="nsenter --target $container --user --net --preserve-credentials"
echo "address $($enter ip -4 -o addr show dev out0)"
echo "published $(timeout 5 busybox nc 127.0.0.1 8099 </dev/null)"
# The machine finds a network, whose other end answers.
unshare --net sleep 1000 &
peer=$!
while [ "$(readlink /proc/$peer/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add one type veth peer name two netns $peer
ip addr add 192.0.2.1/24 dev one
ip link set one up
nsenter --target $peer --net sh -c 'ip addr add 192.0.2.2/24 dev two; ip link set two up'
nsenter --target $peer --net busybox nc -ll -p 7777 -e echo outside &
sleep 0.5
echo "reached $(timeout 5 $enter busybox nc 192.0.2.2 7777 </dev/null)"
`;

test("an ordinary user's container starts without a way out, is reached, and reaches what comes", async () => {
  const worker = fileURLToPath(workerUrl("offline.test", import.meta.url));
  const { code, stdout, stderr } = await runCommand(
    [...machine, "sh", "-c", script, process.execPath, worker, directory],
    { timeout: 30_000 },
  );
  const said = `${stdout.toString("utf8")}${stderr.toString("utf8")}`;
  expect(said).toMatch(/^address .* 169\.254\.2\.1\/16 /m);
  expect(said).toMatch(/^published inside$/m);
  expect(said).toMatch(/^reached outside$/m);
  expect(code).toBe(0);
  expect(await readFile(join(directory, "tried.pid"), "utf8")).toMatch(/^\d+/);
});
