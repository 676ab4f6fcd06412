import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { mustRun } from "../host/command.ts";
import { aardvarkPlaces, Names } from "./names.ts";
import { dnsAnswer, rootless } from "./test-desk.ts";

const program = aardvarkPlaces.find((path) => existsSync(path));

// It makes a machine of its own, which takes root. An ordinary user's asks pasta.
test.skipIf(rootless)("who answers for names asks those whom the machine asks now", async () => {
  const directory = await mkdtemp(join(tmpdir(), "shimyard-names-"));
  const resolver = join(directory, "resolv.conf");
  const children: ChildProcess[] = [];
  const names = new Names(program, join(directory, "names"));
  /** Resolves with the first word that it says. */
  const start = async ([file = "", ...args]: string[]): Promise<ChildProcess> => {
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    await once(child.stdout, "data");
    return child;
  };
  await writeFile(resolver, "nameserver 10.77.0.1\n");
  // A machine of its own, as far as names go.
  const machine = await start([
    ...["unshare", "--net", "--mount", "sh", "-c"],
    'ip link set lo up && for n in 77.0.1 77.0.2 66.0.1; do ip addr add "10.$n/32" dev lo; done && mount --bind "$1" /etc/resolv.conf && echo ready && read -r word',
    ...["sh", resolver],
  ]);
  const enter = (argv: string[]): string[] => [
    ...["nsenter", "--target", String(machine.pid), "--net", "--mount"],
    ...argv,
  ];
  onTestFinished(async () => {
    await names.apply({ enter }, [], []);
    for (const child of children) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    await rm(directory, { recursive: true });
  });
  for (const [address, answer] of [
    ["10.77.0.1", "10.0.0.1"],
    ["10.77.0.2", "10.0.0.2"],
  ] as const) {
    const script = `const s = require("dgram").createSocket("udp4"); s.on("message", (message, from) => s.send((() => { ${dnsAnswer(answer)} })(), from.port, from.address)); s.bind(53, "${address}", () => console.log("ready"));`;
    await start(enter([process.execPath, "-e", script]));
  }
  const ask = (name: string): Promise<string> => {
    const script = `const r = new (require("dns").Resolver)(); r.setServers(["10.66.0.1"]); r.resolve4("${name}", (error, found) => console.log(error ? error.code : found.join()));`;
    return mustRun(enter([process.execPath, "-e", script]));
  };
  const network = {
    ...{ name: "n", bridge: "b", subnet: "10.66.0.0/24", gateway: "10.66.0.1", internal: false },
    ...{ labels: {}, createdAt: 0 },
  };
  await names.apply({ enter }, [network], []);
  expect((await ask("elsewhere.test")).trim()).toBe("10.0.0.1");
  await writeFile(resolver, "nameserver 10.77.0.2\n");
  await names.reread();
  await expect.poll(async () => (await ask("elsewhere.test")).trim()).toBe("10.0.0.2");
});
